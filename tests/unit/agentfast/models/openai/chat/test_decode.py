"""Every shape in which servers write a turn is read, or the error says what came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from agentfast import Agent, ModelError, ModelResponse, tool
from agentfast.messages import AssistantMessage, ToolCall, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.tools.call import ToolDefinition
from tests.support.servers.openai_server import Server, call, delta, events, reply, turn

ADD = ToolDefinition("add", "Adds.", {"type": "object"})
ASK = ModelRequest([UserMessage("Hello.")], tools=(ADD,))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


async def answer(server: Server, body: object) -> ModelResponse:
    server.replies = [reply(body)]
    async with server.model(max_retries=0) as model:
        return await model.respond(ASK)


TEXTS: list[Any] = [
    [{"type": "text", "text": "hello"}],
    [{"type": "text", "text": "hel"}, {"type": "output_text", "text": "lo", "annotations": []}],
    [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "hello"}],
    [{"type": "reasoning", "text": "Hm."}, {"text": "hello"}],
    [{"type": "text", "text": {"value": "hello", "annotations": []}}],
    ["hel", "lo"],
    {"type": "text", "text": "hello"},
    "hello",
]


@pytest.mark.parametrize("content", TEXTS, ids=str)
async def test_a_text_may_be_in_parts(server: Server, content: Any) -> None:
    assert (await answer(server, turn({"content": content}))).message == AssistantMessage("hello")


@pytest.mark.parametrize(
    "message",
    [
        {"tool_calls": [{"id": "x1", "function": {"name": "add", "arguments": {"a": 1}}}]},
        {"tool_calls": [{"id": "x1", "type": "function", "name": "add", "arguments": '{"a":1}'}]},
        {"content": "", "tool_calls": [call('{"a":1}')], "function_call": None},
        {"content": [], "tool_calls": [call('\ufeff{"a":1}')]},
        {"reasoning_content": "Hm.", "reasoning": "Hm.", "content": None, "tool_calls": [call('{"a":1}')]},
    ],
    ids=str,
)
async def test_a_call_has_many_notations(server: Server, message: dict[str, Any]) -> None:
    response = await answer(server, turn(message, "tool_calls"))
    assert response.message == AssistantMessage(calls=(ToolCall("add", {"a": 1}, "x1"),))


@pytest.mark.parametrize(
    "message",
    [
        {"content": None, "function_call": {"name": "add", "arguments": '{"a":1}'}},
        {"content": None, "tool_calls": [], "function_call": {"name": "add", "arguments": {"a": 1}}},
        {"tool_calls": [{"id": None, "function": {"name": "add", "arguments": '{"a":1}'}}]},
    ],
    ids=str,
)
async def test_calls_without_ids_and_those_of_the_older_interface_are_calls(
    server: Server, message: dict[str, Any]
) -> None:
    response = await answer(server, turn(message, "function_call"))
    assert response.message.calls == (ToolCall("add", {"a": 1}, ""),)


async def test_an_empty_list_of_calls_is_none_and_a_number_can_be_an_id(server: Server) -> None:
    assert (await answer(server, turn({"content": "Hi.", "tool_calls": []}))).message.text == "Hi."
    response = await answer(server, turn({"tool_calls": [call("{}", id_=7)]}))  # type: ignore[arg-type]
    assert response.message.calls[0].id == "7"


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("stop", "stop"), ("eos", "stop"), (None, "stop"), ("length", "length"), ("model_length", "length")],
)
async def test_reasons_to_finish_have_many_names(server: Server, reason: Any, finish: str) -> None:
    assert (await answer(server, turn({"content": "Hi."}, reason))).finish_reason == finish


async def test_a_byte_order_mark_and_events_that_nobody_asked_for_are_read(server: Server) -> None:
    body = json.dumps(turn({"content": "Hi."}))
    assert (await answer(server, "\ufeff" + body)).message.text == "Hi."
    text = f"data: {json.dumps(delta({'content': 'H'}))}\n\ndata: {json.dumps(delta({'content': 'i.'}, 'stop'))}\n\n"
    assert (await answer(server, text)).message.text == "Hi."
    server.replies = [events(delta({"content": "Hi."}, "stop"))]
    async with server.model() as model:
        assert (await model.respond(ASK)).message.text == "Hi."


IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}
REFUSED: list[tuple[Any, str]] = [
    (turn({"content": [IMAGE]}), "part of type 'image_url', which is not text"),
    (turn({"content": [{"type": "text", "text": "So"}, IMAGE]}), "image_url"),
    (turn({"content": [{"type": "refusal", "refusal": "No."}]}), r"the model refused: No\."),
    (turn({"content": None, "refusal": "No."}), r"the model refused: No\."),
    (turn({"content": [{"text": 3}]}), "a part that is not text"),
    (turn({"content": 3}), "not text: 3"),
    (turn({"content": None}), "neither text nor calls"),
    (turn({"content": None, "reasoning_content": "Hm."}), "neither text nor calls.*reasoning_content"),
    (turn({}, "tool_calls"), "neither text nor calls"),
    (turn({"content": "", "tool_calls": []}, "tool_calls"), "made calls, but there are none"),
    (turn({"tool_calls": {"add": {}}}), "tool_calls are no list"),
    (turn({"tool_calls": ["add"]}), "a call of the server is not an object: 'add'"),
    (turn({"tool_calls": [{"type": "custom", "custom": {"name": "f"}}]}), "a call of the server"),
    (turn({"content": "So"}, "error"), "failed in the middle"),
    (turn({"content": "So"}, "content_filter"), "content filter"),
    ({"choices": None}, "no choices: {'choices': None}"),
    ({"choices": []}, "no choices"),
    ({"choices": [None]}, "not an object: None"),
    ({"choices": [{"message": None}]}, "not an object: None"),
    ({"choices": [{"message": {"content": ""}, "error": {"message": "lost"}}]}, "lost"),
    ({"output": [{"type": "message"}]}, "no choices: {'output'"),
    ({"error": {"message": "no such model"}}, "answers with an error: no such model"),
    ({"error": "no such model"}, "answers with an error: no such model"),
    ({"object": "error", "message": "no such model", "code": 404}, r"status 404: no such model \(check"),
    ({"detail": "no such model"}, "answers with an error: no such model"),
    ({"error": {"message": "slow down", "code": 429}}, "no answer at 1 try.*429: slow down"),
    ({"error": {"message": "loading", "type": "server_error"}}, "no answer at 1 try.*loading"),
    ("null", "not an object: None"),
    ("7", "not an object: 7"),
    ("<!DOCTYPE html><html><title>Log  in</title>", "not JSON but a web page titled 'Log in'.*/v1"),
    ("Hello.", "not JSON but 'Hello.'"),
    ("", "not JSON but nothing"),
    ('{"choices":[{"message":{"content":"Hel', "not JSON but.*Hel.*Unterminated string"),
    ("[" * 100_000, "nested too deeply"),
    (b"\xff\xfe{", "not JSON"),
]


@pytest.mark.parametrize(("body", "said"), REFUSED, ids=str)
async def test_what_holds_no_turn_is_an_error_that_says_what_came(
    server: Server, body: Any, said: str
) -> None:
    with pytest.raises(ModelError, match=said) as failure:
        await answer(server, body)
    assert str(failure.value).startswith(f"m: {server.url}/chat/completions: ")


async def test_lone_surrogates_become_replacement_characters_everywhere(server: Server) -> None:
    calls = '[{"id":"\\udc00x","function":{"name":"a\\ud83d","arguments":"{\\"\\\\ud83d\\":\\"\\\\uD83D\\\\uDE00\\"}"}}]'
    body = f'{{"choices":[{{"message":{{"content":"So \\ud83d","tool_calls":{calls}}}}}]}}'
    response = await answer(server, body)
    expected = ToolCall("a\ufffd", {"\ufffd": "😀"}, "\ufffdx")
    assert response.message == AssistantMessage("So \ufffd", (expected,))


async def test_a_lone_surrogate_in_a_conversation_does_not_spoil_it(server: Server) -> None:
    server.replies = [
        reply('{"choices":[{"message":{"content":"\\ud83d"}}]}'),
        reply(turn({"content": "Hi."})),
    ]
    async with server.model() as model:
        first = await Agent(model).run("So")
        assert first.output == "\ufffd"
        await Agent(model).run("Again.", history=first.messages)
    assert [message["content"] for message in server.asked[1]["messages"]] == [
        "So",
        "\ufffd",
        "Again.",
    ]


@tool
def double(a: int = 2) -> int:
    """Doubles."""
    return 2 * a


MALFORMED = ['{"a":1,}', '{"a":"x', "[1]", '"a"', "7", '{"a":NaN}', '{"a":1e999}', "a=1", "[" * 100_000]


@pytest.mark.parametrize("written", MALFORMED, ids=lambda written: written[:10])
async def test_arguments_that_are_no_object_are_told_to_the_model(server: Server, written: str) -> None:
    calls = [call(written, "double"), call('{"a":4}', "double", "x2")]
    server.replies = [reply(turn({"tool_calls": calls}, "tool_calls")), reply(turn({"content": "Sorry."}))]
    async with server.model() as model:
        result = await Agent(model, tools=[double]).run("Double it.")
    assert result.output == "Sorry."
    assert result.steps[0].message.calls[0].malformed == written
    first, second = server.asked[1]["messages"][-2:]
    assert (first["tool_call_id"], second["content"]) == ("x1", "8")
    assert "the arguments are not a JSON object" in first["content"]
    assert written[:100] in json.loads(first["content"])["error"]
    # Servers parse the arguments of earlier calls, and refuse a conversation in which they are no object.
    sent = server.asked[1]["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(sent) == {"malformed_arguments": written}


@pytest.mark.parametrize("written", ["", " ", "null", None, {}, "{}"])
async def test_no_arguments_are_an_empty_object(server: Server, written: Any) -> None:
    server.replies = [reply(turn({"tool_calls": [call(written, "double")]})), reply(turn({"content": "4"}))]
    async with server.model() as model:
        result = await Agent(model, tools=[double]).run("Double it.")
    assert result.steps[0].results[0].content == "4"


async def test_raw_line_breaks_inside_strings_are_taken_for_themselves(server: Server) -> None:
    response = await answer(server, turn({"tool_calls": [call('{"a":"one\ntwo\t"}')]}))
    assert response.message.calls[0].arguments == {"a": "one\ntwo\t"}
