"""The model behind a server, against a real server on this machine."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from agentfast import Agent, ConfigError, ModelError, ModelUnavailableError, OpenAIModel, tool
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.tools.call import ToolDefinition
from tests.support.servers.openai_server import Reply, Server, call, drop, reply, turn

ADD = ToolDefinition(
    "add",
    "Adds.",
    {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False},
)
ASK = ModelRequest([UserMessage("Hello.")], tools=(ADD,))


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


TEXT = reply(turn({"role": "assistant", "content": "Hi."}))
BUSY = reply({"error": {"message": "slow down"}}, 429, retry_after="0")


async def test_a_text_comes_with_its_usage(server: Server) -> None:
    server.replies = [TEXT]
    async with server.model() as model:
        response = await model.respond(ASK)
    assert response.message == AssistantMessage("Hi.")
    assert response.finish_reason == "stop"
    usage = response.usage
    assert (usage.prompt_tokens, usage.cached_tokens, usage.generated_tokens) == (9, 3, 4)


async def test_everything_that_decides_the_answer_is_sent(server: Server) -> None:
    server.replies = [TEXT]
    messages: list[Message] = [
        SystemMessage("Be kind."),
        UserMessage("Add."),
        AssistantMessage(calls=(ToolCall("add", {"a": 1}, "c1"),)),
        ToolMessage('{"sum":1}', "add", "c1"),
    ]
    schema = {"type": "object"}
    request = ModelRequest(
        messages, (ADD,), schema, "add", max_calls=1, max_tokens=7, temperature=0.5, seed=2**40 + 3
    )
    async with server.model(api_key="secret", extra_body={"top_k": 1}) as model:
        await model.respond(request)
    assert server.headers[0]["authorization"] == "Bearer secret"
    assert server.asked[0] == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Add."},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}}
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": '{"sum":1}'},
        ],
        "tools": [
            {
                "type": "function",
                "function": {"name": "add", "description": "Adds.", "parameters": ADD.parameters},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "add"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": False},
        },
        "max_tokens": 7,
        "temperature": 0.5,
        "seed": 3,
        "top_k": 1,
    }


async def test_nothing_is_sent_that_the_user_did_not_set(server: Server) -> None:
    server.replies = [TEXT, TEXT]
    async with server.model() as model:
        agent = Agent(model, tools=[double])
        await agent.run("Hi.")
        await agent.run("Hi.", seed=7)
    assert server.asked[1]["seed"] == 7
    assert server.asked[0].keys() == {"model", "messages", "tools"}
    assert server.asked[0]["messages"] == [{"role": "user", "content": "Hi."}]
    assert server.asked[1].keys() == {"model", "messages", "tools", "seed"}


async def test_the_extra_body_replaces_fields_and_leaves_them_out(server: Server) -> None:
    server.replies = [TEXT]
    request = ModelRequest([UserMessage("Hi.")], seed=7, temperature=0)
    async with server.model(extra_body={"seed": None, "temperature": 1, "top_k": 3}) as model:
        await model.respond(request)
    assert server.asked[0].keys() == {"model", "messages", "temperature", "top_k"}
    assert server.asked[0]["temperature"] == 1


async def test_an_infinite_default_is_not_part_of_a_declaration(server: Server) -> None:
    @tool
    def near(limit: float = math.inf, box: Box = BOX) -> str:
        """Finds."""
        return f"{limit} {box.size}"

    server.replies = [reply(turn({"tool_calls": [call("{}", "near")]})), TEXT]
    async with server.model() as model:
        result = await Agent(model, tools=[near]).run("Hi.")
    assert "default" not in server.asked[0]["tools"][0]["function"]["parameters"]["properties"]["limit"]
    assert result.steps[0].results[0].content == '"inf inf"'


async def test_strict_schemas_are_asked_for(server: Server) -> None:
    server.replies = [TEXT]
    request = ModelRequest([UserMessage("Hi.")], (ADD,), {"type": "object"}, max_tokens=9)
    async with server.model(strict=True, token_limit_field="max_completion_tokens") as model:
        await model.respond(request)
    asked = server.asked[0]
    assert asked["tools"][0]["function"]["strict"]
    assert asked["response_format"]["json_schema"]["strict"]
    assert asked["max_completion_tokens"] == 9
    assert "max_tokens" not in asked


async def test_no_key_sends_no_authorization(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.replies = [TEXT, TEXT]
    monkeypatch.setenv("OPENAI_API_KEY", "from the environment")
    async with server.model() as model:
        await model.respond(ASK)
    async with server.model(api_key=None) as model:
        await model.respond(ASK)
    assert "authorization" not in server.headers[0]
    assert server.headers[1]["authorization"] == "Bearer from the environment"


async def test_calls_keep_their_ids_and_may_lack_arguments(server: Server) -> None:
    calls = [call('{"a":1}'), call("", id_="x2"), call({"a": 3}, id_="x3")]
    server.replies = [reply(turn({"content": None, "tool_calls": calls}, "tool_calls"))]
    async with server.model() as model:
        response = await model.respond(ASK)
    assert response.message.calls == (
        ToolCall("add", {"a": 1}, "x1"),
        ToolCall("add", {}, "x2"),
        ToolCall("add", {"a": 3}, "x3"),
    )


async def test_a_turn_that_was_cut_off_has_no_calls(server: Server) -> None:
    server.replies = [reply(turn({"content": "So", "tool_calls": [call('{"a":')]}, "length"))]
    async with server.model() as model:
        response = await model.respond(ASK)
    assert response.finish_reason == "length"
    assert response.message == AssistantMessage("So")


@pytest.mark.parametrize(
    "fault", [BUSY, reply("oops", 500), reply("", 503), drop], ids=["429", "500", "503", "dropped"]
)
async def test_a_busy_or_failing_server_is_asked_again(server: Server, fault: Reply) -> None:
    server.replies = [fault, fault, TEXT]
    async with server.model(max_retries=2) as model:
        response = await model.respond(ASK)
    assert response.message.text == "Hi."
    assert len(server.asked) == 3
    assert server.asked[0] == server.asked[2]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (BUSY, "status 429: slow down"),
        (reply("all  is\nlost", 502), "status 502: all is lost"),
        (drop, "Error"),
    ],
)
async def test_a_server_that_stays_unavailable_is_an_error_of_its_own(
    server: Server, fault: Reply, said: str
) -> None:
    server.replies = [fault, fault]
    async with server.model(max_retries=1) as model:
        with pytest.raises(ModelUnavailableError, match=f"m: .* 2 tries.*{said}"):
            await model.respond(ASK)


async def test_a_server_that_hangs_is_given_up(server: Server) -> None:
    server.replies = [server.hang]
    async with server.model(timeout_s=0.05, max_retries=0) as model:
        with pytest.raises(ModelUnavailableError, match=r"no answer within 0\.05 s"):
            await model.respond(ASK)


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    server = Server()
    server.close()
    async with server.model(max_retries=1) as model:
        with pytest.raises(ModelUnavailableError, match="ConnectError"):
            await model.respond(ASK)


async def test_cancelling_the_caller_ends_the_request(server: Server) -> None:
    server.replies = [server.hang]
    async with server.model() as model:
        task = asyncio.create_task(model.respond(ASK))
        await asyncio.to_thread(server.hanging.wait, 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


UNUSABLE: list[tuple[Any, int, str]] = [
    ({"error": {"message": "who are you?"}}, 401, "who are you.*OPENAI_API_KEY"),
    ({"error": "no such model"}, 404, "no such model.*base_url"),
    ({"detail": [1]}, 422, "status 422"),
    (["odd"], 400, "odd"),
    ("<html>", 200, "not JSON"),
    ([], 200, "not an object"),
    ({"choices": []}, 200, "no choices"),
    ({"choices": [{}]}, 200, "not an object"),
    (turn({"content": None, "refusal": "I will not."}), 200, "refused: I will not"),
    (turn({"content": "…"}, "content_filter"), 200, "content filter"),
    (turn({"tool_calls": [{"id": "x", "function": {}}]}), 200, "no name"),
    (turn({"tool_calls": [call("{}")] * 9}), 200, "9 calls"),
]


@pytest.mark.parametrize(("body", "status", "said"), UNUSABLE, ids=str)
async def test_what_cannot_be_used_is_a_model_error_and_not_tried_again(
    server: Server, body: object, status: int, said: str
) -> None:
    server.replies = [reply(body, status)]
    async with server.model() as model:
        with pytest.raises(ModelError, match=said) as failure:
            await model.respond(ASK)
    assert not isinstance(failure.value, ModelUnavailableError)
    assert len(server.asked) == 1


async def test_a_call_that_was_not_allowed_is_an_error(server: Server) -> None:
    server.replies = [reply(turn({"tool_calls": [call("{}")]})) for _ in range(2)]
    async with server.model() as model:
        for request in (ModelRequest(ASK.messages, (ADD,), tool_choice="none"), ModelRequest(ASK.messages)):
            with pytest.raises(ModelError, match="no call was allowed"):
                await model.respond(request)


@tool
def double(a: int) -> int:
    """Doubles."""
    return 2 * a


class Box(BaseModel):
    size: float = math.inf


BOX = Box()


class Result(BaseModel):
    value: int


def test_an_agent_works_on_it_and_its_bad_calls_are_told_to_the_model(server: Server) -> None:
    server.replies = [
        reply(turn({"tool_calls": [call('{"a":"x"}', "double"), call("{}", "treble", "x2")]}, "tool_calls")),
        reply(turn({"tool_calls": [call('{"a":4}', "double", "x3")]}, "tool_calls")),
        reply(turn({"content": '{"value":8}'})),
        reply(turn({"content": '{"value":9}'})),
    ]
    model = server.model()
    agent = Agent(model, tools=[double], output_type=Result)

    async def both_runs_on_one_loop() -> None:
        async with model:
            assert (await agent.run("Double 4.")).output == Result(value=8)

    async def a_run_on_another_loop() -> None:
        async with model:
            assert (await agent.run("Again.")).output == Result(value=9)

    asyncio.run(both_runs_on_one_loop())
    asyncio.run(a_run_on_another_loop())
    results = [message for message in server.asked[1]["messages"] if message["role"] == "tool"]
    assert [result["tool_call_id"] for result in results] == ["x1", "x2"]
    assert all("error" in result["content"] for result in results)
    assert server.asked[2]["messages"][-1]["content"] == "8"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base_url": "localhost"}, "base_url"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"max_retries": -1}, "max_retries"),
        ({"backoff_s": -1}, "backoff_s"),
        ({"timeout_s": "1"}, "timeout_s is '1'"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"api_key": 5}, "api_key is of type int"),
        ({"extra_headers": ["x"]}, "extra_headers is a list"),
        ({"extra_body": "x"}, "extra_body is a str"),
        ({"token_limit_field": "limit"}, "token_limit_field"),
        ({"extra_body": {"top_p": float("inf")}}, r"extra_body\.top_p is inf"),
    ],
)
def test_settings_that_do_not_fit_are_refused(options: dict[str, Any], said: str) -> None:
    options = {"api_key": "x"} | options
    with pytest.raises(ConfigError, match=said):
        OpenAIModel("m", **options)
