"""The scripted model."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import pytest

from agentfast import (
    AssistantMessage,
    ConfigError,
    Message,
    Model,
    ModelError,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    ScriptedModel,
    ToolCall,
    UserMessage,
)
from agentfast.models.scripted import Answer, Script


def request(*spoken: str) -> ModelRequest:
    return ModelRequest([UserMessage("hi"), *(AssistantMessage(text) for text in spoken)])


CALL = ToolCall("a", {})
WHOLE = ModelResponse(AssistantMessage("x"), ModelUsage(generated_tokens=3))


@pytest.mark.parametrize(
    ("answer", "response"),
    [
        ("text", ModelResponse(AssistantMessage("text"))),
        (CALL, ModelResponse(AssistantMessage(calls=(CALL,)))),
        ([CALL, CALL], ModelResponse(AssistantMessage(calls=(CALL, CALL)))),
        (AssistantMessage("y"), ModelResponse(AssistantMessage("y"))),
        (WHOLE, WHOLE),
    ],
)
async def test_every_kind_of_answer_becomes_a_response(answer: Answer, response: ModelResponse) -> None:
    assert await ScriptedModel([answer]).respond(request()) == response


async def test_the_turn_of_the_conversation_picks_the_answer_so_runs_can_share_a_script() -> None:
    model = ScriptedModel(["first", "second"])
    assert (await model.respond(request())).message.text == "first"
    assert (await model.respond(request())).message.text == "first"
    assert (await model.respond(request("first"))).message.text == "second"
    with pytest.raises(ModelError, match="ends after 2 turns"):
        await model.respond(request("first", "second"))


def backwards(messages: Sequence[Message]) -> str:
    last = messages[-1]
    return last.text[::-1] if isinstance(last, UserMessage) else ""


async def backwards_async(messages: Sequence[Message]) -> str:
    return backwards(messages)


@pytest.mark.parametrize("script", [backwards, backwards_async])
async def test_a_function_answers_from_the_messages(script: Script) -> None:
    assert (await ScriptedModel(script).respond(request())).message.text == "ih"


async def test_an_exception_in_the_script_is_raised() -> None:
    with pytest.raises(OSError, match="down"):
        await ScriptedModel([OSError("down")]).respond(request())


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ("hello", "script is 'hello'.*put a single answer into a list"),
        (None, "script is None"),
        ({"a": 1}, "script is {'a': 1}"),
        (["a", None], r"script\[1\] is None; it takes a text"),
        ([argparse.Namespace(a=1)], r"script\[0\] is Namespace\(a=1\).*typed answer is its JSON text"),
        ([["a"]], r"script\[0\]"),
        ([ValueError], "the class ValueError"),
    ],
)
def test_a_script_that_is_none_is_refused_when_it_is_made(script: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        ScriptedModel(script)


async def test_a_function_that_returns_no_answer_is_the_models_error() -> None:
    def script(_: object) -> Any:
        return 5

    with pytest.raises(ModelError, match=r"returned 5 \(int\), which is no answer"):
        await ScriptedModel(script).respond(request())


async def test_its_stream_is_the_response_alone() -> None:
    model: Model = ScriptedModel(["a"], name="mine")
    assert [event async for event in model.stream(request())] == [ModelResponse(AssistantMessage("a"))]
    assert model.name == "mine"
