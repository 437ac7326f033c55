"""Messages to JSON and back: nothing is lost, nothing unknown is let through, and version 1 stays as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from agentfast import (
    Agent,
    AssistantMessage,
    Confidence,
    ConfigError,
    Message,
    ScriptedModel,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    messages_from_json,
    messages_schema,
    messages_to_json,
)
from tests.unit.agentfast.agent.history.conversations import conversations

GOLDEN = Path(__file__).parent / "messages_v1.json"
CALLS = (
    ToolCall(
        "get_order",
        {"id": 1042, "parts": ["a", None, 0.5, {"deep": True}]},
        "call_0_0",
        Confidence(
            0.75,
            {"name": 0.875, "arguments.id": 0.5},
            {"name": (("get_order", 0.875), ("list_orders", 0.125))},
        ),
    ),
    ToolCall("get_order", {}, "call_0_1", malformed='{"id": 10'),
)
EVERY_FIELD: list[Message] = [
    SystemMessage("You run the order desk."),
    UserMessage("Are the orders from Malmö shipped?"),
    AssistantMessage("I look.", CALLS, Confidence(0.25, {})),
    ToolMessage('{"status":"shipped"}', "get_order", "call_0_0"),
    ToolMessage('{"error":"no object"}', "get_order", "call_0_1", is_error=True),
    AssistantMessage("One is."),
]


def sureness(messages: list[Message]) -> list[Confidence | None]:
    """The confidences, which equality of messages leaves out."""
    turns = [message for message in messages if isinstance(message, AssistantMessage)]
    return [sure for turn in turns for sure in (turn.confidence, *(call.confidence for call in turn.calls))]


def document(*messages: object, **fields: object) -> str:
    return json.dumps({"version": 1, "messages": messages} | fields)


def test_version_1_is_written_and_read_as_the_golden_file_says() -> None:
    text = GOLDEN.read_text(encoding="utf-8")
    assert json.loads(messages_to_json(EVERY_FIELD)) == json.loads(text)
    assert messages_from_json(text) == EVERY_FIELD
    assert sureness(messages_from_json(text)) == sureness(EVERY_FIELD)


@given(conversations())
def test_every_conversation_comes_back_with_all_its_fields(messages: list[Message]) -> None:
    text = messages_to_json(messages)
    read = messages_from_json(text)
    assert read == messages
    assert sureness(read) == sureness(messages)
    assert messages_to_json(read) == text
    assert messages_from_json(text.encode()) == messages


@given(conversations())
def test_the_schema_takes_every_text_that_is_written(messages: list[Message]) -> None:
    jsonschema.validate(json.loads(messages_to_json(messages)), messages_schema())


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 2, "messages": []},
        {"version": 1, "messages": [{"role": "robot", "text": ""}]},
        {"version": 1, "messages": [{"role": "user", "text": "", "more": 1}]},
        {"version": 1, "messages": [{"role": "user"}]},
    ],
)
def test_the_schema_refuses_what_is_refused_on_reading(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, messages_schema())
    with pytest.raises(ConfigError):
        messages_from_json(json.dumps(wrong))


USER = {"role": "user", "text": "a"}
RESULT = {"role": "tool", "content": "1", "name": "f", "call_id": "x"}


def turn(**call: object) -> dict[str, object]:
    return {"role": "assistant", "calls": [{"name": "f", "arguments": {}, "id": "x"} | call]}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "text is no JSON"),
        ("[]", r"text is \[\] \(list\); it takes an object"),
        ('{"messages": []}', "it takes an object"),
        (document(version=2), "of version 2 .*this release reads version 1"),
        (document(version=True), "of version True"),
        (document(version=1.0), "of version 1.0"),
        (document(more=1), "more is a field that version 1"),
        (document(USER, {"role": "usr", "text": "a"}), r"messages\[1\].role is 'usr'.*did you mean user"),
        (document(USER, {"text": "a"}), r"messages\[1\].role is None"),
        (document(USER, 7), r"messages\[1\] is 7"),
        (document(USER, {**USER, "txt": "a"}), r"messages\[1\].txt is a field that version 1"),
        (document(USER, {"role": "user"}), r"messages\[1\].text is missing"),
        (document(USER, {"role": "user", "text": 5}), r"messages\[1\].text is 5 \(int\)"),
        (document(USER, turn(kind="x"), RESULT), r"messages\[1\].calls\[0\].kind is a field"),
        (document(USER, turn(arguments=[]), RESULT), r"messages\[1\].calls\[0\].arguments is \[\]"),
        (document(USER, turn(malformed="\ud800"), RESULT), r"messages\[1\].calls\[0\].malformed .*surrogate"),
        (document(USER, turn(confidence={"whole": 1}), RESULT), r"calls\[0\].confidence.fields is missing"),
        (document(turn(), {**RESULT, "is_error": 1}), r"messages\[1\].is_error is 1"),
        (document({"role": "user", "text": "\ud800"}), r"messages\[0\].text holds the lone surrogate"),
        (document(turn(arguments={"a": float("nan")}), RESULT), "NaN is no JSON number"),
        (document(turn(arguments={"a": 0}), RESULT).replace("0}", "1e999}"), "1e999 .*larger than a float"),
        (document(USER, RESULT), r"messages\[1\] is the result of call 'x' to 'f', where it cannot stand"),
        (document(USER, turn()), r"messages\[1\] is an assistant message with calls, but no result"),
        (document(USER, {"role": "system", "text": ""}), r"messages\[1\] is a system message"),
    ],
)
def test_a_text_that_is_no_conversation_of_version_1_is_refused_by_its_place(
    text: str, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        messages_from_json(text)


def answered(call: ToolCall) -> list[Message]:
    return [UserMessage("a"), AssistantMessage("", (call,)), ToolMessage("1", "f", "x")]


@pytest.mark.parametrize(
    ("messages", "complaint"),
    [
        ("hi", "messages is 'hi'"),
        ([UserMessage("a"), ToolMessage("1", "f", "x")], r"messages\[1\] is the result of call 'x'"),
        (answered(ToolCall("f", {"a": float("nan")}, "x")), r"messages\[1\] is no JSON"),
        (answered(ToolCall("f", {}, "x", malformed="\ud800")), r"messages\[1\].calls\[0\].malformed"),
        (
            answered(ToolCall("f", {}, "x", Confidence(float("nan"), {}))),
            r"calls\[0\].confidence.whole is nan",
        ),
        ([AssistantMessage("a", (), 0.5)], r"messages\[0\].confidence is 0.5"),  # type: ignore[arg-type]  # pyright: ignore
    ],
)
def test_messages_that_could_not_be_read_back_are_not_written(messages: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        messages_to_json(messages)


def test_a_text_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="text is 5"):
        messages_from_json(5)  # type: ignore[arg-type]  # pyright: ignore


async def test_a_run_goes_on_from_the_json_of_a_result() -> None:
    first = await Agent(ScriptedModel(["one", "two"])).run("a")
    history = messages_from_json(first.messages_json())
    assert history == list(first.messages)
    assert (await Agent(ScriptedModel(["one", "two"])).run("b", history=history)).output == "two"
