"""The confidence of calls and typed answers from the log probabilities that a server sends."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from agentfast.errors import ModelError
from agentfast.messages import UserMessage
from agentfast.models.base import ModelRequest, ModelResponse
from agentfast.tools.call import ToolDefinition
from tests.support.servers.openai_server import Server, call, delta, events, reply, turn

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
TRIP = ToolDefinition("trip", "Plans.", SCHEMA)
CALLING = ModelRequest([UserMessage("Rome.")], tools=(TRIP,), tool_choice="required")
ANSWERING = ModelRequest([UserMessage("Rome.")], output_schema=SCHEMA)

CALL_TOKENS: list[tuple[str, float]] = [
    *(("<|channel>", 1.0), ("thought", 1.0), ("\n", 0.9), ("<channel|>", 1.0)),
    *(("<|tool_call>", 0.8), ("call:", 1.0), ("trip", 0.5), ("{city:", 1.0)),
    *(
        ('<|"|>', 1.0),
        ("Ro", 0.5),
        ("me", 0.5),
        ('<|"|>', 1.0),
        (",days:", 1.0),
        ("1", 0.25),
        ("0", 1.0),
        ("}", 1.0),
    ),
    *(("<tool_call|>", 1.0), ("<turn|>", 1.0)),
]
ANSWER_TOKENS = [
    ('{"city":', 1.0),
    ('"Ro', 0.5),
    ('me"', 1.0),
    (',"days":', 1.0),
    ("7", 0.25),
    ("}", 1.0),
    ("<turn|>", 1.0),
]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def content(tokens: list[tuple[str, float]]) -> list[dict[str, Any]]:
    return [
        {"token": text, "logprob": math.log(p), "bytes": list(text.encode()), "top_logprobs": []}
        for text, p in tokens
    ]


def body(message: dict[str, Any], tokens: list[tuple[str, float]], reason: str = "stop") -> dict[str, Any]:
    found = turn(message, reason)
    found["choices"][0]["logprobs"] = {"content": content(tokens)}
    found["usage"] |= {"canvases": 2, "denoising_steps": 30}
    return found


async def ask(server: Server, answer: Any, request: ModelRequest) -> ModelResponse:
    server.replies = [reply(answer)]
    async with server.model(max_retries=0, field_confidence=True) as model:
        return await model.respond(request)


def the_call() -> dict[str, Any]:
    return {"tool_calls": [call('{"city":"Rome","days":10}', "trip")]}


async def test_a_call_has_the_confidence_of_its_fields(server: Server) -> None:
    response = await ask(server, body(the_call(), CALL_TOKENS, "tool_calls"), CALLING)
    (made,) = response.message.calls
    assert made.confidence is not None
    assert dict(made.confidence) == pytest.approx(
        {"name": 0.5, "arguments.city": 0.25, "arguments.days": 0.25}
    )
    assert made.confidence.whole == pytest.approx(0.8 * 0.5 * 0.25 * 0.25)
    assert (response.usage.canvases, response.usage.denoising_steps) == (2, 30)


async def test_a_typed_answer_has_the_confidence_of_its_fields(server: Server) -> None:
    answer = {"content": '{"city":"Rome","days":7}'}
    confidence = (await ask(server, body(answer, ANSWER_TOKENS), ANSWERING)).message.confidence
    assert confidence is not None
    assert dict(confidence) == pytest.approx({"city": 0.5, "days": 0.25})


async def test_a_streamed_call_has_it_as_well(server: Server) -> None:
    chunks: list[dict[str, Any]] = []
    for at in range(0, len(CALL_TOKENS), 5):
        chunk = delta({})
        chunk["choices"][0]["logprobs"] = {"content": content(CALL_TOKENS[at : at + 5])}
        chunks.append(chunk)
    chunks.append(
        delta({"tool_calls": [{"index": 0, **call('{"city":"Rome","days":10}', "trip")}]}, "tool_calls")
    )
    server.replies = [events(*chunks)]
    async with server.model(max_retries=0, field_confidence=True) as model:
        *_, last = [event async for event in model.stream(CALLING)]
    assert isinstance(last, ModelResponse)
    confidence = last.message.calls[0].confidence
    assert confidence is not None
    assert confidence["arguments.city"] == pytest.approx(0.25)


async def test_it_is_asked_for_only_if_wanted_and_there_are_fields(server: Server) -> None:
    await ask(server, turn(the_call()), CALLING)
    assert server.asked[-1]["logprobs"] is True
    assert json.loads(server.asked[-1]["vllm_xargs"]["agentfast"]) == {"confidence": True}
    await ask(server, turn({"content": "Hello."}), ModelRequest([UserMessage("Hello.")]))
    assert "logprobs" not in server.asked[-1]
    server.replies = [reply(turn(the_call()))]
    async with server.model(max_retries=0) as model:
        response = await model.respond(CALLING)
    assert "logprobs" not in server.asked[-1]
    assert response.message.calls[0].confidence is None


async def test_a_server_without_log_probabilities_leaves_the_confidence_open(server: Server) -> None:
    for given in (None, {"content": None}, {"content": [{"token": 7}]}, "none"):
        answer = turn(the_call())
        answer["choices"][0]["logprobs"] = given
        assert (await ask(server, answer, CALLING)).message.calls[0].confidence is None


async def test_a_turn_that_the_server_gave_up_is_an_error(server: Server) -> None:
    answer = turn({"content": '{"city'})
    answer["choices"][0]["stop_reason"] = 0
    with pytest.raises(ModelError, match="its constraint could not be kept"):
        await ask(server, answer, ANSWERING)
