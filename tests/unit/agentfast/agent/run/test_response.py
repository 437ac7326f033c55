"""Responses of models: a turn that can stand in a conversation, or a typed error."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast import (
    Agent,
    AssistantMessage,
    CapacityError,
    ModelError,
    ModelFaultError,
    ModelRequest,
    ModelResponse,
    PlainModel,
    ScriptedModel,
    ToolCall,
)
from agentfast.models.scripted import Answer
from tests.support.scripted_runs import add


class Gives(PlainModel):
    """Hands over the same thing whatever is asked."""

    def __init__(self, response: Any) -> None:
        self._response = response

    @property
    def name(self) -> str:
        return "giver"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        return self._response  # type: ignore[no-any-return]


NO_TURNS: list[object] = [
    None,
    "text",
    AssistantMessage("x"),
    ModelResponse("x"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ModelResponse(AssistantMessage(5)),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ModelResponse(AssistantMessage(calls=ToolCall("f", {}))),  # type: ignore[arg-type]  # pyright: ignore
    ModelResponse(AssistantMessage(calls=(ToolCall("f", None),))),  # type: ignore[arg-type]  # pyright: ignore
    ModelResponse(AssistantMessage(calls=(ToolCall(5, {}),))),  # type: ignore[arg-type]  # pyright: ignore
    ModelResponse(AssistantMessage(calls=(ToolCall("add", {"a": object()}),))),
]


@pytest.mark.parametrize("response", NO_TURNS)
async def test_what_is_no_turn_is_the_models_error_in_runs_and_streams(response: object) -> None:
    agent = Agent(Gives(response), tools=[add])
    with pytest.raises(ModelError, match="model 'giver'"):
        await agent.run("go")
    with pytest.raises(ModelError, match="model 'giver'"):
        async for _ in agent.stream("go"):
            pass


async def test_lone_surrogates_of_a_model_are_replaced_and_the_conversation_goes_on() -> None:
    script: list[Answer] = [ToolCall("add", {"a": 1, "b": 2, "\ud83d": "\ud83d\ude00"}), "done \ud83d"]
    agent = Agent(ScriptedModel(script), tools=[add])
    result = await agent.run("go")
    assert result.output == "done \ufffd"
    assert result.steps[0].message.calls[0].arguments == {"a": 1, "b": 2, "\ufffd": "\U0001f600"}
    again = await Agent(ScriptedModel(lambda _: "ok")).run("more", history=result.messages)
    assert again.output == "ok"


async def test_a_bug_of_a_model_is_a_fault_with_its_cause_and_the_conversation() -> None:
    with pytest.raises(ModelFaultError, match="model 'scripted' raised KeyError: 'x'") as caught:
        await Agent(ScriptedModel([KeyError("x")])).run("go")
    assert isinstance(caught.value.__cause__, KeyError)
    assert len(caught.value.messages) == 1


def long_text() -> str:
    """A long result."""
    return "x" * 1000


FULL = CapacityError("a prompt of 999 tokens exceeds the context", hint="raise it")


@pytest.mark.parametrize(
    ("prompt", "instructions", "script", "said"),
    [
        (
            "go",
            "",
            [ToolCall("long_text", {}), FULL],
            r"the result of tool 'long_text' \(call 'call_0_0'\): 1002 of \d+ .*\(let 'long_text' return less,",
        ),
        ("x" * 1000, "", [FULL], "the longest part is the prompt: 1000 of"),
        ("go", "x" * 1000, [FULL], "the longest part is the instructions: 1000 of"),
        ("go", "", [FULL], "the longest part is the declarations of 1 tools"),
    ],
)
async def test_a_context_that_is_full_names_what_fills_it(
    prompt: str, instructions: str, script: list[Answer], said: str
) -> None:
    agent = Agent(ScriptedModel(script), tools=[long_text], instructions=instructions)
    with pytest.raises(CapacityError, match=said) as caught:
        await agent.run(prompt)
    assert len(caught.value.steps) == len(script) - 1
    assert caught.value.messages
