"""Calls in a draft: those of its settled beginning, whatever stands behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from agentfast.chat.base import Segment
from agentfast.chat.json import CALL, JsonChat
from agentfast.errors import ModelError
from agentfast.messages import ToolCall
from agentfast.models.local.settled_calls import TurnDraft
from agentfast.runtime.scheduling.request import CanvasUpdate

CALL_TOKEN = 256  # the others are bytes


def decode(tokens: Sequence[int]) -> Iterator[Segment]:
    text = b""
    for token in [*tokens, None]:
        if token is not None and token != CALL_TOKEN:
            text += bytes([token])
            continue
        if text:
            try:
                yield False, text.decode()
            except UnicodeDecodeError as error:
                raise ModelError("no UTF-8") from error
            text = b""
        if token == CALL_TOKEN:
            yield True, CALL


def tokens_of(calls: Sequence[ToolCall]) -> list[int]:
    tokens: list[int] = []
    for call in calls:
        written = json.dumps({"name": call.name, "arguments": call.arguments}, ensure_ascii=False)
        tokens += [CALL_TOKEN, *written.encode()]
    return tokens


def update(tokens: Sequence[int], settled: int, *, start: int = 0, committed: bool = False) -> CanvasUpdate:
    accepted = tuple(place < settled for place in range(len(tokens)))
    return CanvasUpdate(1, None, 0, start, 1, tuple(tokens), accepted, committed)


some_calls = st.lists(
    st.builds(
        ToolCall, st.sampled_from(["look", "öffne"]), st.fixed_dictionaries({"n": st.text(max_size=4)})
    ),
    min_size=1,
    max_size=3,
)


@given(some_calls, st.data())
def test_each_prefix_has_the_calls_that_are_complete_in_it(
    calls: list[ToolCall], data: st.DataObject
) -> None:
    tokens = tokens_of(calls)
    ends = [len(tokens_of(calls[:number])) for number in range(len(calls) + 1)]
    draft = TurnDraft(JsonChat(), decode)
    known: tuple[ToolCall, ...] = ()
    for settled in sorted(data.draw(st.lists(st.integers(0, len(tokens)), max_size=6))):
        found = draft.add(update(tokens, settled))
        if found:
            known = found
        complete = tuple(calls[: sum(end <= settled for end in ends[1:])])
        assert known == complete or (known == complete[: len(known)] and not _is_text(tokens[:settled]))


def _is_text(tokens: Sequence[int]) -> bool:
    try:
        list(decode(tokens))
    except ModelError:
        return False
    return True


def test_calls_go_on_over_committed_canvases_and_a_canvas_that_starts_earlier() -> None:
    calls = [ToolCall("look", {"n": "1"}), ToolCall("look", {"n": "2"})]
    tokens = tokens_of(calls)
    half = len(tokens_of(calls[:1])) + 3
    draft = TurnDraft(JsonChat(), decode)
    assert draft.add(update(tokens[:half], half, committed=True)) == tuple(calls[:1])
    assert draft.add(update(tokens[half:], 0, start=half)) == ()
    other = tokens_of([calls[0], ToolCall("look", {"n": "3"})])
    assert draft.add(update(other[half - 5 :], len(other), start=half - 5)) == (
        calls[0],
        ToolCall("look", {"n": "3"}),
    )
    last = update(tokens[half - 5 :], len(tokens), start=half - 5, committed=True)
    assert draft.add(last) == tuple(calls)
