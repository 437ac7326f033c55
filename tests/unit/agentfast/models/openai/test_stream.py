"""Streamed turns of a server: their text as it comes, and the same response as in one piece."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from agentfast import (
    Agent,
    ModelError,
    ModelResponse,
    ModelUnavailableError,
    RecordingModel,
    ReplayModel,
    RunFinished,
    TextChunk,
    TextDelta,
    tool,
)
from agentfast.messages import AssistantMessage, ToolCall, UserMessage
from agentfast.models.base import ModelEvent, ModelRequest
from agentfast.tools.call import ToolDefinition
from tests.support.servers.openai_server import Reply, Server, call, delta, drop, events, reply, turn

ADD = ToolDefinition("add", "Adds.", {"type": "object"})
ASK = ModelRequest([UserMessage("Hello.")], tools=(ADD,))
USAGE: dict[str, Any] = {
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}},
}
HELLO = events(
    delta({"role": "assistant", "content": ""}),
    delta({"content": "Hel"}),
    delta({"content": "lo."}),
    delta({}, "stop"),
    USAGE,
)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


async def streamed(server: Server, answer: Reply, **options: Any) -> list[ModelEvent]:
    server.replies = [answer]
    async with server.model(max_retries=0, **options) as model:
        return [event async for event in model.stream(ASK)]


async def calls_of(server: Server, *deltas: dict[str, Any]) -> tuple[ToolCall, ...]:
    chunks = [*(delta(message) for message in deltas), delta({}, "tool_calls")]
    response = (await streamed(server, events(*chunks)))[-1]
    assert isinstance(response, ModelResponse)
    return response.message.calls


async def test_a_text_comes_piece_by_piece_and_then_as_a_response(server: Server) -> None:
    *pieces, response = await streamed(server, HELLO)
    assert pieces == [TextChunk("Hel"), TextChunk("lo.")]
    server.replies = [reply(turn({"content": "Hello."}))]
    async with server.model() as model:
        assert response == await model.respond(ASK)
    assert server.asked[0]["stream"]
    assert server.asked[0]["stream_options"] == {"include_usage": True}
    assert "stream" not in server.asked[1]


async def test_a_piece_is_there_before_the_next_one_is_sent(server: Server) -> None:
    seen = asyncio.Event()
    loop = asyncio.get_running_loop()

    def wait_between(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.send_header("connection", "close")
        handler.end_headers()
        handler.wfile.write(f"data: {json.dumps(delta({'content': 'Hel'}))}\n\n".encode())
        handler.wfile.flush()
        asyncio.run_coroutine_threadsafe(seen.wait(), loop).result(60)
        handler.wfile.write(f"data: {json.dumps(delta({'content': 'lo.'}, 'stop'))}\n\n".encode())
        handler.close_connection = True

    server.replies = [wait_between]
    async with server.model() as model:
        got: list[ModelEvent] = []
        async for event in model.stream(ASK):
            got.append(event)
            seen.set()
    assert got[:2] == [TextChunk("Hel"), TextChunk("lo.")]


PARTS = [
    {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": ""}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
]
TWO = (ToolCall("add", {"a": 1}, "c1"), ToolCall("add", {"a": 2}, "c2"))


def whole(a: int, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [more | {"function": {"name": "add", "arguments": f'{{"a":{a}}}'}}]}


@pytest.mark.parametrize(
    "deltas",
    [
        [*PARTS, whole(2, index=1, id="c2")],
        [whole(1, id="c1"), whole(2, id="c2")],
        [whole(1, index=0, id="c1"), whole(2, index=0, id="c2")],
        [
            {
                "tool_calls": [
                    whole(1, index=0, id="c1")["tool_calls"][0],
                    whole(2, index=1, id="c2")["tool_calls"][0],
                ]
            }
        ],
        [
            {"tool_calls": [{"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}]},
            {"tool_calls": [{"id": "c2", "function": {"name": "add", "arguments": {"a": 2}}}]},
        ],
        [
            {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": '{"a":'}}]},
            {"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "add", "arguments": '{"a"'}}]},
            {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "add", "arguments": "1}"}}]},
            {"tool_calls": [{"index": 1, "id": "c2", "function": {"name": "add", "arguments": ":2}"}}]},
        ],
    ],
    ids=range(6),
)
async def test_calls_are_put_together_however_they_are_cut(
    server: Server, deltas: list[dict[str, Any]]
) -> None:
    assert await calls_of(server, *deltas) == TWO


async def test_calls_of_the_older_interface_and_those_without_ids_are_put_together(server: Server) -> None:
    older = [{"function_call": {"name": "add", "arguments": '{"a"'}}, {"function_call": {"arguments": ":1}"}}]
    assert await calls_of(server, *older) == (ToolCall("add", {"a": 1}),)
    assert await calls_of(server, whole(1), whole(2)) == (
        ToolCall("add", {"a": 1}),
        ToolCall("add", {"a": 2}),
    )


async def test_a_server_that_does_not_stream_is_read_all_the_same(server: Server) -> None:
    *pieces, response = await streamed(server, reply(turn({"content": "Hello."})))
    assert pieces == [TextChunk("Hello.")]
    assert isinstance(response, ModelResponse)
    assert response.usage.prompt_tokens == 9
    (response,) = await streamed(server, reply(turn({"tool_calls": [call("{}")]})))
    assert isinstance(response, ModelResponse)
    assert response.message.calls


@pytest.mark.parametrize(
    "answer",
    [
        events(": OPENROUTER PROCESSING\n\n", delta({"content": "Hello."}), delta({}, "stop"), done=False),
        events(delta({"content": "Hello."})),
        events(delta({"content": [{"type": "text", "text": "Hello."}]}, "stop")),
        events(delta({"reasoning_content": "Hm."}), delta({"content": "Hello.", "tool_calls": None}, "stop")),
        events(f"data: {json.dumps(delta({'content': 'Hello.'}, 'stop'))}", done=False),
        events({"choices": [], "prompt_filter_results": []}, delta({"content": "Hello."}, "stop")),
        events(turn({"content": "Hello."})),
    ],
    ids=["comment", "no reason", "parts", "reasoning", "no last line", "no choices", "whole"],
)
async def test_streams_have_many_shapes(server: Server, answer: Reply) -> None:
    *pieces, response = await streamed(server, answer)
    assert pieces == [TextChunk("Hello.")]
    assert isinstance(response, ModelResponse)
    assert response.message == AssistantMessage("Hello.")


async def test_a_character_that_is_cut_in_half_is_put_together(server: Server) -> None:
    first, second = delta({"content": "So \ud83d"}), delta({"content": "\ude00!\ud83d"}, "stop")
    *pieces, response = await streamed(server, events(first, second))
    assert pieces == [TextChunk("So "), TextChunk("😀!")]
    assert isinstance(response, ModelResponse)
    assert response.message.text == "So 😀!\ufffd"


BROKEN: list[tuple[Reply, str]] = [
    (events(delta({"content": "Hel"}), done=False), "broke off"),
    (events(delta({"content": "Hel"}), done=False, cut=True), "broke off: RemoteProtocolError"),
    (events(done=False), "broke off"),
    (events({"error": {"message": "overloaded", "code": 503}}), "503: overloaded"),
    (reply({"error": {"message": "slow down"}}, 429), "slow down"),
    (drop, "RemoteProtocolError"),
]


@pytest.mark.parametrize(("answer", "said"), BROKEN, ids=range(len(BROKEN)))
async def test_a_stream_that_breaks_off_is_unavailable(server: Server, answer: Reply, said: str) -> None:
    with pytest.raises(ModelUnavailableError, match=f"m: {server.url}/chat/completions: .*{said}"):
        await streamed(server, answer)


UNUSABLE: list[tuple[Reply, str]] = [
    (events(delta({"content": "Hel"}), "data: {oops\n\n"), "not JSON: '{oops'"),
    (events(delta({"content": "Hel"}), {"error": {"message": "bad prompt"}}), "bad prompt"),
    (events(delta({"refusal": "I "}), delta({"refusal": "won't."}, "stop")), "refused: I won't"),
    (events(delta({"content": "So"}, "content_filter")), "content filter"),
    (events(delta({"content": [{"type": "image_url"}]})), "image_url"),
    (events({"odd": 1}, done=False), "no choices: {'odd': 1}"),
    (events(), "neither text nor calls"),
    (reply({"choices": []}), "no choices"),
    (reply("<html>"), "a web page"),
    (reply({"error": {"message": "who?"}}, 401), "who?.*OPENAI_API_KEY"),
]


@pytest.mark.parametrize(("answer", "said"), UNUSABLE, ids=range(len(UNUSABLE)))
async def test_a_stream_that_holds_no_turn_is_an_error(server: Server, answer: Reply, said: str) -> None:
    with pytest.raises(ModelError, match=said) as failure:
        await streamed(server, answer)
    assert not isinstance(failure.value, ModelUnavailableError)


async def test_a_stream_is_asked_for_again_only_while_nothing_came(server: Server) -> None:
    server.replies = [
        drop,
        reply("", 503, retry_after="0"),
        events(delta({"content": "Hel"}), done=False),
        HELLO,
    ]
    async with server.model(max_retries=3) as model:
        with pytest.raises(ModelUnavailableError, match="broke off"):
            _ = [event async for event in model.stream(ASK)]
    assert len(server.asked) == 3


async def test_a_stream_that_hangs_is_given_up(server: Server) -> None:
    server.replies = [server.hang]
    async with server.model(timeout_s=0.05, max_retries=0) as model:
        with pytest.raises(ModelUnavailableError, match=r"no answer within 0\.05 s"):
            _ = [event async for event in model.stream(ASK)]


@tool
def double(a: int) -> int:
    """Doubles."""
    return 2 * a


async def test_an_agent_s_stream_has_the_text_and_a_recording_keeps_it(server: Server, tmp_path: Any) -> None:
    asked = {"tool_calls": [{"index": 0, "id": "c1", "function": {"name": "double", "arguments": '{"a":4}'}}]}
    server.replies = [events(delta(asked), delta({}, "tool_calls")), HELLO]
    async with server.model() as model:
        recording = RecordingModel(model, tmp_path / "turns.jsonl")
        seen = [event async for event in Agent(recording, tools=[double]).stream("Double 4.")]
    assert [event for event in seen if isinstance(event, TextDelta)] == [
        TextDelta(1, "Hel"),
        TextDelta(1, "lo."),
    ]
    last = seen[-1]
    assert isinstance(last, RunFinished)
    assert last.result.output == "Hello."
    replay = ReplayModel(tmp_path / "turns.jsonl")
    again = [event async for event in Agent(replay, tools=[double]).stream("Double 4.")]
    assert [event for event in again if isinstance(event, TextDelta)] == [
        TextDelta(1, "Hel"),
        TextDelta(1, "lo."),
    ]
    assert isinstance(again[-1], RunFinished)
    assert again[-1].result.messages == last.result.messages


async def test_leaving_a_stream_early_ends_the_request(server: Server) -> None:
    server.replies = [HELLO, reply(turn({"content": "Hi."}))]
    async with server.model() as model:
        stream = model.stream(ASK)
        assert await anext(stream) == TextChunk("Hel")
        await stream.aclose()  # type: ignore[attr-defined]
        assert (await model.respond(ASK)).message.text == "Hi."
