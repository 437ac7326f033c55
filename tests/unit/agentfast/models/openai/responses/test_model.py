"""The model behind the responses API, against a real server on this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from agentfast import (
    Agent,
    ConfigError,
    ModelError,
    ModelResponse,
    ModelUnavailableError,
    OpenAIModel,
    TextChunk,
    tool,
)
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import ModelEvent, ModelRequest
from agentfast.tools.call import ToolDefinition
from tests.support.servers.openai_server import Reply, Server, events, reply

ADD = ToolDefinition("add", "Adds.", {"type": "object"})
ASK = ModelRequest([UserMessage("Hello.")], tools=(ADD,))
USAGE = {"input_tokens": 9, "output_tokens": 4, "input_tokens_details": {"cached_tokens": 3}}


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def said(text: str) -> dict[str, Any]:
    part: dict[str, Any] = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "id": "m1", "role": "assistant", "content": [part]}


def called(arguments: Any, name: str = "add", id_: str = "x1") -> dict[str, Any]:
    return {"type": "function_call", "id": "fc1", "call_id": id_, "name": name, "arguments": arguments}


THOUGHT = {"type": "reasoning", "id": "r1", "summary": [{"type": "summary_text", "text": "Hm."}]}


def answer(*output: Any, **more: Any) -> dict[str, Any]:
    whole = {"object": "response", "status": "completed", "error": None, "output": output, "usage": USAGE}
    return whole | more


async def respond(server: Server, body: object, **options: Any) -> ModelResponse:
    server.replies = [reply(body)]
    async with server.model(api="responses", max_retries=0, **options) as model:
        return await model.respond(ASK)


async def streamed(server: Server, given: Reply) -> list[ModelEvent]:
    server.replies = [given]
    async with server.model(api="responses", max_retries=0) as model:
        return [event async for event in model.stream(ASK)]


async def test_a_text_comes_with_its_usage(server: Server) -> None:
    response = await respond(server, answer(THOUGHT, said("Hi.")))
    assert response.message == AssistantMessage("Hi.")
    usage = response.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.generated_tokens) == (9, 3, 4)
    assert server.paths == ["/v1/responses"]


async def test_everything_that_decides_the_answer_is_sent(server: Server) -> None:
    server.replies = [reply(answer(said("Hi.")))]
    messages: list[Message] = [
        SystemMessage("Be kind."),
        UserMessage("Add."),
        AssistantMessage("So:", (ToolCall("add", {"a": 1}, "c1"),)),
        ToolMessage('"one\\n"', "add", "c1"),
    ]
    schema = {"type": "object"}
    request = ModelRequest(
        messages, (ADD,), schema, "add", max_calls=1, max_tokens=7, temperature=0.5, seed=3
    )
    async with server.model(api="responses", extra_body={"top_p": 1, "store": None}) as model:
        await model.respond(request)
    assert server.asked[0] == {
        "model": "m",
        "instructions": "Be kind.",
        "input": [
            {"role": "user", "content": "Add."},
            {"role": "assistant", "content": "So:"},
            {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a":1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "one\n"},
        ],
        "tools": [
            {
                "type": "function",
                "name": "add",
                "description": "Adds.",
                "parameters": ADD.parameters,
                "strict": False,
            }
        ],
        "tool_choice": {"type": "function", "name": "add"},
        "parallel_tool_calls": False,
        "text": {"format": {"type": "json_schema", "name": "answer", "schema": schema, "strict": False}},
        "max_output_tokens": 7,
        "temperature": 0.5,
        "top_p": 1,
    }


async def test_nothing_is_sent_that_the_user_did_not_set_and_nothing_is_to_be_stored(server: Server) -> None:
    server.replies = [reply(answer(said("Hi.")))]
    async with server.model(api="responses") as model:
        await Agent(model).run("Hi.")
    assert server.asked[0] == {
        "model": "m",
        "input": [{"role": "user", "content": "Hi."}],
        "store": False,
    }


async def test_calls_keep_their_ids(server: Server) -> None:
    calls = [called('{"a":1}'), called("", id_="x2"), called({"a": 3}, id_="x3")]
    response = await respond(server, answer(THOUGHT, *calls))
    assert response.message.calls == (
        ToolCall("add", {"a": 1}, "x1"),
        ToolCall("add", {}, "x2"),
        ToolCall("add", {"a": 3}, "x3"),
    )


async def test_a_turn_that_was_cut_off_has_no_calls(server: Server) -> None:
    cut = answer(
        said("So"), called('{"a"'), status="incomplete", incomplete_details={"reason": "max_output_tokens"}
    )
    response = await respond(server, cut)
    assert (response.finish_reason, response.message) == ("length", AssistantMessage("So"))


REFUSED: list[tuple[Any, str]] = [
    (answer({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}), r"refused: No\."),
    (answer(status="incomplete", incomplete_details={"reason": "content_filter"}), "content filter"),
    (answer(THOUGHT), "neither text nor calls"),
    (answer(status="queued"), "its status is 'queued'"),
    (answer(status="failed", error={"code": "bad_image", "message": "no such image"}), "no such image"),
    (answer(called("{}", name="")), "no name"),
    (answer(*[called("{}")] * 9), "9 calls"),
    ({"object": "response"}, "has no output: {'object'"),
    ({"choices": [{"message": {"content": "Hi."}}]}, "has no output: {'choices'"),
    ("null", "has no output: None"),
    ("<html>", "a web page"),
]


@pytest.mark.parametrize(("body", "complaint"), REFUSED, ids=range(len(REFUSED)))
async def test_what_holds_no_turn_is_an_error_that_says_what_came(
    server: Server, body: Any, complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint) as failure:
        await respond(server, body)
    assert str(failure.value).startswith(f"m: {server.url}/responses: ")
    assert not isinstance(failure.value, ModelUnavailableError)


@pytest.mark.parametrize("code", ["server_error", "rate_limit_exceeded"])
async def test_a_failure_that_may_pass_is_tried_again(server: Server, code: str) -> None:
    failed = answer(status="failed", error={"code": code, "message": "oops"})
    server.replies = [reply(failed), reply(answer(said("Hi.")))]
    async with server.model(api="responses") as model:
        assert (await model.respond(ASK)).message.text == "Hi."


def added(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "item_id": "m1", "output_index": 0, "delta": text}


def ended(*output: Any, kind: str = "completed", **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", "response": answer(*output, **{"status": kind, **more})}


def named(event: dict[str, Any]) -> str:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"


async def test_a_stream_shows_the_text_and_then_the_same_response_as_in_one_piece(server: Server) -> None:
    started = {"type": "response.created", "response": answer(status="in_progress")}
    chunks = [started, added("Hel"), added("lo."), ended(said("Hello."))]
    *pieces, response = await streamed(server, events(*map(named, chunks), done=False))
    assert pieces == [TextChunk("Hel"), TextChunk("lo.")]
    assert response == await respond(server, answer(said("Hello.")))
    assert server.asked[0]["stream"]
    assert "stream_options" not in server.asked[0]


async def test_a_stream_has_its_calls_at_its_end_or_one_by_one(server: Server) -> None:
    part: dict[str, Any] = {
        "type": "response.function_call_arguments.delta",
        "delta": '{"a":',
        "output_index": 0,
    }
    two = [called('{"a":1}'), called('{"a":2}', id_="x2")]
    done = [
        {"type": "response.output_item.done", "output_index": index, "item": item}
        for index, item in reversed([*enumerate(two)])
    ]
    for given in (events(part, ended(*two)), events(part, *done, ended())):
        (response,) = await streamed(server, given)
        assert isinstance(response, ModelResponse)
        assert response.message.calls == (ToolCall("add", {"a": 1}, "x1"), ToolCall("add", {"a": 2}, "x2"))


async def test_a_server_that_does_not_stream_and_one_that_streams_unasked_are_understood(
    server: Server,
) -> None:
    *pieces, response = await streamed(server, reply(answer(said("Hello."))))
    assert pieces == [TextChunk("Hello.")]
    assert isinstance(response, ModelResponse)
    server.replies = [events(added("Hello."), ended(said("Hello.")))]
    async with server.model(api="responses") as model:
        assert await model.respond(ASK) == response


async def test_a_character_that_is_cut_in_half_is_put_together(server: Server) -> None:
    given = events(added("So \ud83d"), added("\ude00!"), ended(said("So \ud83d\ude00!")))
    *pieces, response = await streamed(server, given)
    assert pieces == [TextChunk("So "), TextChunk("😀!")]
    assert isinstance(response, ModelResponse)
    assert response.message.text == "So 😀!"


BROKEN: list[tuple[Reply, type[ModelError], str]] = [
    (events(added("Hel"), done=False), ModelUnavailableError, "broke off"),
    (events(added("Hel")), ModelUnavailableError, "broke off"),
    (events(added("Hel"), done=False, cut=True), ModelUnavailableError, "broke off: RemoteProtocolError"),
    (events({"type": "error", "code": "server_error", "message": "oops"}), ModelUnavailableError, "oops"),
    (events({"type": "error", "code": "bad_prompt", "message": "no"}), ModelError, "an error: no"),
    (
        events(added("Hel"), ended(kind="failed", error={"code": "bad_prompt", "message": "no way"})),
        ModelError,
        "no way",
    ),
]


@pytest.mark.parametrize(("given", "kind", "complaint"), BROKEN, ids=range(len(BROKEN)))
async def test_a_stream_that_fails_says_why(
    server: Server, given: Reply, kind: type[ModelError], complaint: str
) -> None:
    with pytest.raises(ModelError, match=complaint) as failure:
        await streamed(server, given)
    assert type(failure.value) is kind


@tool
def double(a: int) -> int:
    """Doubles."""
    return 2 * a


class Result(BaseModel):
    value: int


async def test_an_agents_bad_calls_and_answers_are_told_to_the_model(server: Server) -> None:
    server.replies = [
        reply(answer(called('{"a":', "double"))),
        reply(answer(called('{"a":4}', "double", "x2"))),
        reply(answer(said('{"value":"x"}'))),
        reply(answer(said('{"value":8}'))),
    ]
    async with server.model(api="responses") as model:
        result = await Agent(model, tools=[double], output_type=Result).run("Double 4.")
    assert result.output == Result(value=8)
    first, second = [item for item in server.asked[2]["input"] if item.get("type") == "function_call_output"]
    assert "not a JSON object" in first["output"]
    assert (second["call_id"], second["output"]) == ("x2", "8")
    assert "value" in server.asked[3]["input"][-1]["content"]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"api": "batch"}, "api is 'batch'"),
        ({"api": "responses", "field_confidence": True}, "field_confidence is for api='chat'"),
        ({"api": "responses", "token_limit_field": "max_completion_tokens"}, "token_limit_field is for"),
        ({"price": 3}, "price is 3"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_are_refused(options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        OpenAIModel("m", api_key="x", **options)
