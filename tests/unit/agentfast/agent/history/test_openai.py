"""Messages in OpenAI's format are read exactly, or refused by the key that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    AssistantMessage,
    ConfigError,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agentfast.agent.history.openai import message_from_openai
from agentfast.agent.history.read import read_history
from agentfast.models.openai.chat.encode import encode_message

CALL = {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"city":"Oslo"}'}}


def test_a_conversation_with_calls_is_read() -> None:
    history: list[dict[str, Any]] = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "a", "content": "42"},
        {"role": "assistant", "content": "It is 42.", "annotations": []},
    ]
    messages, _ = read_history(history)
    assert messages == [
        UserMessage("ab"),
        AssistantMessage(calls=(ToolCall("f", {"city": "Oslo"}, "a"),)),
        ToolMessage("42", "f", "a"),
        AssistantMessage("It is 42."),
    ]


ARGUMENTS = st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3), max_size=2)
CALLS = st.builds(ToolCall, st.sampled_from("fg"), ARGUMENTS, st.text("abc", min_size=1))
MESSAGES: st.SearchStrategy[Message] = st.one_of(
    st.builds(SystemMessage, st.text(max_size=5)),
    st.builds(UserMessage, st.text(max_size=5)),
    st.builds(AssistantMessage, st.text(max_size=5), st.lists(CALLS, max_size=2).map(tuple)),
    st.builds(ToolMessage, st.text(max_size=5), st.just(""), st.text("abc", min_size=1)),
)


@given(MESSAGES)
def test_what_is_sent_to_a_server_is_read_as_the_same_message(message: Message) -> None:
    assert message_from_openai(encode_message(message), "m") == message


REFUSED: list[tuple[dict[Any, Any], str]] = [
    ({"role": "usr", "content": "x"}, "did you mean user"),
    ({"content": "x"}, "its 'role' is"),
    ({"role": ["user"], "content": "x"}, "its 'role' is"),
    ({"role": "function", "name": "f", "content": "x"}, "its 'role' is"),
    ({"role": "user"}, r"m\['content'\] is None"),
    ({"role": "user", "content": "x", "name": "bob"}, "has 'name'"),
    ({"role": "user", "content": [{"type": "image_url"}]}, r"m\['content'\]\[0\] is .*read text only"),
    ({"role": "user", "content": [5]}, "takes an object"),
    ({"role": "assistant", "content": None}, r"m\['content'\] is None"),
    ({"role": "assistant", "content": "x", "refusal": "no"}, "has 'refusal'"),
    ({"role": "assistant", "function_call": {"name": "f"}}, "has 'function_call'"),
    ({"role": "assistant", "tool_calls": {}}, r"'tool_calls'\] is {}"),
    ({"role": "assistant", "tool_calls": [CALL | {"type": "custom"}]}, "'type'"),
    ({"role": "assistant", "tool_calls": [CALL | {"id": None}]}, "'id'"),
    ({"role": "assistant", "tool_calls": [CALL | {"function": None}]}, "'function'"),
    ({"role": "assistant", "tool_calls": [CALL | {"function": {"arguments": "{}"}}]}, "'name'"),
    (
        {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f", "arguments": "{no"}}]},
        "which is not JSON",
    ),
    (
        {"role": "assistant", "tool_calls": [CALL | {"function": {"name": "f", "arguments": "[1]"}}]},
        "text of an object",
    ),
    ({"role": "tool", "content": "x"}, "'tool_call_id'"),
]


@pytest.mark.parametrize(("raw", "complaint"), REFUSED)
def test_what_cannot_be_read_is_refused(raw: dict[Any, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        message_from_openai(raw, "m")
