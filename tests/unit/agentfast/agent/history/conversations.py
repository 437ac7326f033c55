"""Well-formed conversations for property tests, with every field of messages drawn."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from agentfast import (
    AssistantMessage,
    Confidence,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
RANKED = st.lists(st.tuples(JSON_VALUES, NUMBERS), max_size=2).map(tuple)
CONFIDENCES = st.none() | st.builds(
    Confidence,
    NUMBERS,
    st.dictionaries(TEXTS, NUMBERS, max_size=3),
    st.dictionaries(TEXTS, RANKED, max_size=2),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    """A conversation as runs leave them: calls with ids of their own, results in their order."""
    messages: list[Message] = [SystemMessage(draw(TEXTS))] if draw(st.booleans()) else []
    for turn in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["user", "answer", "calls"]))
        if kind == "user":
            messages.append(UserMessage(draw(TEXTS)))
        elif kind == "answer":
            messages.append(AssistantMessage(draw(TEXTS), (), draw(CONFIDENCES)))
        else:
            messages += _turn_with_calls(draw, turn)
    return messages


def _turn_with_calls(draw: st.DrawFn, turn: int) -> list[Message]:
    calls: list[ToolCall] = []
    for index in range(draw(st.integers(1, 3))):
        malformed = draw(st.none() | TEXTS)
        arguments = draw(st.dictionaries(TEXTS, JSON_VALUES, max_size=3)) if malformed is None else {}
        name, call_id = draw(TEXTS), f"{draw(TEXTS)}/{turn}/{index}"
        calls.append(ToolCall(name, arguments, call_id, draw(CONFIDENCES), malformed))
    results = [ToolMessage(draw(TEXTS), call.name, call.id, draw(st.booleans())) for call in calls]
    return [AssistantMessage(draw(TEXTS), tuple(calls), draw(CONFIDENCES)), *results]
