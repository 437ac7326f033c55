"""Histories are conversations, or refused by the place of the first message that does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    AssistantMessage,
    ConfigError,
    Message,
    RunResult,
    RunUsage,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agentfast.agent.history.read import read_history

USER = UserMessage("a")
CALL = AssistantMessage(calls=(ToolCall("f", {}, "x"),))
RESULT = ToolMessage("1", "f", "x")
TWO = AssistantMessage(calls=(ToolCall("f", {}, "x"), ToolCall("g", {}, "y")))


def read(*messages: object) -> list[Message]:
    return read_history(messages)[0]


def test_a_conversation_is_taken_as_it_is_without_its_system_message() -> None:
    assert read(SystemMessage("s"), USER, CALL, RESULT) == [USER, CALL, RESULT]
    assert read() == []


def test_results_come_to_stand_in_the_order_of_their_calls() -> None:
    second = ToolMessage("2", "g", "y")
    assert read(TWO, second, RESULT) == [TWO, RESULT, second]


def test_calls_and_results_without_ids_belong_together_by_place_and_get_ids() -> None:
    calls = AssistantMessage(calls=(ToolCall("f", {}), ToolCall("g", {}, "y")))
    messages, ids = read_history([calls, ToolMessage("1", "f"), ToolMessage("2", "g", "y")])
    assert messages == [
        AssistantMessage(calls=(ToolCall("f", {}, "call_0_0"), ToolCall("g", {}, "y"))),
        ToolMessage("1", "f", "call_0_0"),
        ToolMessage("2", "g", "y"),
    ]
    assert ids.complete(AssistantMessage(calls=(ToolCall("f", {}, "y"),)), 1).calls[0].id == "call_1_0"


REFUSED: list[tuple[list[object], str]] = [
    (["hi"], r"history\[0\] is 'hi' \(str\); it takes a message"),
    ([USER, None], r"history\[1\] is None"),
    ([UserMessage(5)], r"history\[0\].text is 5"),  # type: ignore[arg-type]  # pyright: ignore
    ([UserMessage("\ud83d")], r"history\[0\].text holds the lone surrogate"),
    ([USER, RESULT], r"history\[1\] is the result of call 'x' to 'f'.*follows the assistant message"),
    ([USER, CALL], r"history\[1\] is an assistant message with calls, but no result follows for: 'f'"),
    ([CALL, USER], r"history\[0\] is an assistant message with calls, but no result"),
    ([TWO, RESULT, USER], r"no result follows for: 'g' \('y'\)"),
    ([CALL, RESULT, RESULT], r"history\[2\] is the result of call 'x'"),
    ([CALL, ToolMessage("1", "f", "z")], r"history\[1\] is the result of call 'z'.*have the ids 'x'"),
    ([CALL, ToolMessage("1", "g", "x")], r"history\[1\] is a result of 'g'.*its call is to 'f'"),
    ([USER, SystemMessage("s")], r"history\[1\] is a system message.*only be the first"),
    ([CALL, RESULT, CALL, RESULT], r"history\[2\] is .* id 'x', which history\[0\] has too"),
    ([AssistantMessage(calls=(CALL.calls * 2))], r"history\[0\] is .* id 'x'"),
    ([AssistantMessage(calls=5)], r"history\[0\].calls is 5"),  # type: ignore[arg-type]  # pyright: ignore
    ([AssistantMessage(calls=(5,))], r"calls\[0\] is 5"),  # type: ignore[arg-type]  # pyright: ignore
    ([AssistantMessage(calls=(ToolCall("f", "{}"),))], "arguments is '{}'"),  # type: ignore[arg-type]  # pyright: ignore
    ([AssistantMessage(calls=(ToolCall("f", {"a": {1}}),))], "which is not JSON"),
]


@pytest.mark.parametrize(("history", "complaint"), REFUSED)
def test_what_is_no_conversation_is_refused_by_its_place(history: list[object], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        read(*history)


@pytest.mark.parametrize("history", [None, 5, "hi", {"role": "user"}, {USER}])
def test_what_is_no_list_is_refused(history: Any) -> None:
    with pytest.raises(ConfigError, match=r"history is .*; it takes a sequence of messages"):
        read_history(history)


def test_a_result_in_place_of_its_messages_is_told_apart() -> None:
    result = RunResult("a", (USER,), (), RunUsage(), 0.0)
    with pytest.raises(ConfigError, match="give its messages"):
        read_history(result)


@st.composite
def conversations(draw: st.DrawFn) -> list[Message]:
    messages: list[Message] = [USER]
    for turn in range(draw(st.integers(0, 4))):
        names = draw(st.lists(st.sampled_from("fg"), max_size=3))
        calls = tuple(ToolCall(name, {}, f"{turn}/{index}") for index, name in enumerate(names))
        messages.append(AssistantMessage("text", calls))
        messages += [ToolMessage("1", call.name, call.id) for call in calls]
        messages += [USER] * draw(st.integers(0, 2))
    return messages


@given(conversations(), st.data())
def test_a_piece_of_a_conversation_is_accepted_exactly_if_no_turn_is_torn(
    messages: list[Message], data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, len(messages)))
    end = data.draw(st.integers(start, len(messages)))
    piece = messages[start:end]
    torn = any(
        isinstance(boundary, ToolMessage) for boundary in [*piece[:1], *messages[end : end + 1]] if piece
    )
    if not torn:
        assert read(*piece) == piece
    else:
        with pytest.raises(ConfigError, match=r"history\["):
            read(*piece)
