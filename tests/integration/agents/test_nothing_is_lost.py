"""A user's mistakes and mishaps from end to end: typed errors, conversations that go on, failures that are seen.

On the engine with a random model, because a history that only a scripted model takes shows nothing.
"""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any

import pytest
from pydantic import Field

from agentfast import (
    Agent,
    AgentFastError,
    AssistantMessage,
    CapacityError,
    ConfigError,
    Limits,
    LocalModel,
    MapError,
    Message,
    Model,
    ModelError,
    ModelRequest,
    ModelResponse,
    PlainModel,
    RunResult,
    ScriptedModel,
    Settings,
    ToolCall,
    ToolDefinitionError,
    ToolMessage,
    ToolStarted,
    UserMessage,
    tool,
)
from agentfast.chat.json import JsonChat
from tests.support.source_tree import ROOT
from tests.support.tiny_engine import tiny_engine

BOUND_S = 60
SETTINGS = Settings(max_tokens=96, max_calls=2)


@tool
async def find(id: Annotated[int, Field(ge=0, le=99)]) -> dict[str, int]:
    """Find an order."""
    return {"id": id}


@tool
async def hang() -> None:
    """Never end."""
    await asyncio.Event().wait()


@pytest.fixture
async def local() -> AsyncIterator[LocalModel]:
    async with tiny_engine() as engine, asyncio.timeout(BOUND_S):
        yield LocalModel(engine, JsonChat())
        engine.check_integrity()


class Opened(PlainModel):
    """Plays a script's turns, then passes on to another model."""

    def __init__(self, script: Sequence[Any], then: Model) -> None:
        self._script = ScriptedModel(script)
        self._turns = len(script)
        self._then = then

    @property
    def name(self) -> str:
        return "opened"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        spoken = sum(isinstance(message, AssistantMessage) for message in request.messages)
        return await (self._script if spoken < self._turns else self._then).respond(request)


INTERRUPTIONS: list[tuple[dict[str, Any], Sequence[Any]]] = [
    ({"limits": Limits(deadline_s=0.02)}, [[ToolCall("find", {"id": 1}), ToolCall("hang", {})]]),
    ({"limits": Limits(max_tool_calls=1)}, [[ToolCall("find", {"id": 1}), ToolCall("hang", {})]]),
    ({"limits": Limits(max_steps=1)}, [ToolCall("find", {"id": 1})]),
    ({}, [ToolCall("find", {"id": 1}), ModelError("down")]),
    ({}, [ToolCall("find", {"id": 1}), CapacityError("full")]),
    ({}, [ModelResponse(AssistantMessage(calls=(ToolCall("find", {"id": 1}),)), finish_reason="length")]),
    ({"output_type": int}, [ToolCall("find", {"id": 1}), "x", "x", "x"]),
]


@pytest.mark.parametrize(("arguments", "script"), INTERRUPTIONS)
async def test_a_local_model_goes_on_from_any_interrupted_run(
    arguments: dict[str, Any], script: Sequence[Any], local: LocalModel
) -> None:
    with pytest.raises(AgentFastError) as caught:
        await Agent[None, Any](ScriptedModel(script), tools=[find, hang], **arguments).run("go")
    error = caught.value
    calls = [call for step in error.steps for call in step.message.calls]
    assert calls
    assert [message.call_id for message in error.messages if isinstance(message, ToolMessage)] == [
        call.id for call in calls
    ]
    result = await Agent(local, tools=[find], settings=SETTINGS).run("more", history=error.messages)
    assert result.messages[1 : len(error.messages)] == error.messages[1:]


async def test_ids_of_a_local_models_calls_are_unique_in_a_trimmed_conversation(local: LocalModel) -> None:
    agent = Agent(local, tools=[find], tool_choice="required", settings=SETTINGS)
    history: tuple[Message, ...] = ()
    for turn in range(4):
        result = await agent.run(f"order {turn}", history=history, seed=turn)
        ids = [call.id for message in result.messages for call in getattr(message, "calls", ())]
        results = [message.call_id for message in result.messages if isinstance(message, ToolMessage)]
        assert len(set(ids)) == len(ids) >= 1
        assert results == ids
        last_call = max(
            index for index, message in enumerate(result.messages) if getattr(message, "calls", ())
        )
        history = result.messages[last_call:]


async def test_a_result_that_fills_the_context_is_named(local: LocalModel) -> None:
    def dump() -> str:
        """Read everything."""
        return "x" * 5000

    model = Opened([ToolCall("dump", {})], local)
    with pytest.raises(CapacityError, match="the longest part is the result of tool 'dump'") as caught:
        await Agent(model, tools=[dump], settings=SETTINGS).run("go")
    assert len(caught.value.steps) == 1
    assert isinstance(caught.value.messages[-1], ToolMessage)


async def test_openai_style_dicts_and_messages_are_the_same_history(local: LocalModel) -> None:
    agent = Agent(local, settings=SETTINGS)
    one = await agent.run("b", history=[UserMessage("a"), AssistantMessage("c")])
    other = await agent.run(
        "b", history=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]
    )
    assert one.messages == other.messages


async def test_a_map_keeps_what_was_finished_and_names_the_prompt_that_failed() -> None:
    def answer(messages: Sequence[Message]) -> str:
        last = messages[-1]
        if isinstance(last, UserMessage) and last.text == "c":
            raise ModelError("down")
        return "fine"

    with pytest.raises(MapError, match=r"prompt 2 \('c'\) failed: ModelError: down") as caught:
        await Agent(ScriptedModel(answer)).map(["a", "b", "c", "d"], concurrency=1)
    assert [isinstance(outcome, RunResult) for outcome in caught.value.results] == [True, True, False]


def call_of(agent: Agent[None, Any], **arguments: Any) -> Callable[[], object]:
    values: dict[str, Any] = {"prompt": "go", **arguments}
    return lambda: agent.run_sync(**values)


ANY: Any = Agent
SCRIPTED: Any = ScriptedModel
HELLO = ScriptedModel(["hello"])
MISTAKES: dict[str, Callable[[], object]] = {
    "prompt": call_of(Agent(HELLO), prompt=5),
    "prompt holds": call_of(Agent(HELLO), prompt="\ud83d"),
    "history": call_of(Agent(HELLO), history=["hi"]),
    "model": lambda: ANY("openai:gpt-4o"),
    "instructions": lambda: ANY(HELLO, instructions=5),
    "output_type": lambda: ANY(HELLO, output_type=lambda x: x),  # pyright: ignore
    "tools": lambda: ANY(HELLO, tools=find),
    "a tool is made": lambda: ANY(HELLO, tools=[Agent(HELLO)]),
    "tool_choice": lambda: ANY(HELLO, tools=[find], tool_choice="reqired"),
    "script": lambda: SCRIPTED([object()]),
    "Settings": lambda: Settings(temperature="hot"),  # type: ignore[arg-type]  # pyright: ignore
    "Limits": lambda: Limits(max_steps="5"),  # type: ignore[arg-type]  # pyright: ignore
}


@pytest.mark.parametrize("named", MISTAKES)
def test_each_mistake_is_a_typed_error_that_names_the_argument(named: str) -> None:
    with pytest.raises((ConfigError, ToolDefinitionError), match=f"^{named}"):
        MISTAKES[named]()


def sold_out() -> None:
    """Fail."""
    raise ValueError("sold out")


async def test_a_tools_exception_is_logged_with_its_traceback_and_kept(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = await Agent(ScriptedModel([ToolCall("sold_out", {}), "done"]), tools=[sold_out]).run("go")
    assert isinstance(result.steps[0].results[0].exception, ValueError)
    (record,) = [record for record in caplog.records if record.name == "agentfast.agent"]
    assert record.levelno == logging.WARNING
    assert "run=agent-" in record.getMessage()
    assert 'raise ValueError("sold out")' in caplog.text


def test_an_author_sees_it_without_any_configuration() -> None:
    script = (
        "from agentfast import Agent, ScriptedModel, ToolCall\n"
        "def act():\n    1 / 0\n"
        "Agent(ScriptedModel([ToolCall('act', {}), 'done']), tools=[act]).run_sync('go')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.match(
        r"tool failed run=agent-[0-9a-f]{12} step=0 tool=act call=call_0_0\nTraceback", result.stderr
    )
    assert result.stderr.endswith("ZeroDivisionError: division by zero\n")


async def test_leaving_a_stream_early_leaves_nothing_running() -> None:
    stream = Agent(ScriptedModel([ToolCall("hang", {})]), tools=[hang]).stream("go")
    async for event in stream:
        if isinstance(event, ToolStarted):
            break
    await stream.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
