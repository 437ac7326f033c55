"""Early calls: begun as they settle in the draft, thrown away unseen if the complete turn does not ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from agentfast import (
    Agent,
    AssistantMessage,
    ModelError,
    ModelRequest,
    ModelResponse,
    PlainModel,
    RunContext,
    Settings,
    ToolCall,
    ToolFinished,
    ToolStarted,
    tool,
)
from agentfast.models.base import ModelEvent, SettledCalls
from tests.support.scripted_runs import BOUND_S


class Drafting(PlainModel):
    """Shows drafts of its first turn, each after the tools have begun that it lets wait for, then says the turn."""

    settles_calls = True

    def __init__(
        self, drafts: Sequence[Sequence[ToolCall]], turn: Sequence[ToolCall], fails: bool = False
    ) -> None:
        self._drafts = drafts
        self._turn = turn
        self._fails = fails
        self.asked: list[bool] = []
        self.gates: list[asyncio.Event] = []

    @property
    def name(self) -> str:
        return "drafting"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        self.asked.append(request.settled_calls)
        done = any(isinstance(message, AssistantMessage) for message in request.messages)
        return ModelResponse(AssistantMessage("ok") if done else AssistantMessage(calls=tuple(self._turn)))

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        response = await self.respond(request)
        if response.message.calls:
            for draft in self._drafts:
                yield SettledCalls(tuple(draft))
                for gate in self.gates:
                    async with asyncio.timeout(BOUND_S):
                        await gate.wait()
            if self._fails:
                raise ModelError("gone")
        yield response


def look(n: int, id: str = "") -> ToolCall:
    return ToolCall("look", {"n": n}, id)


class Looking:
    """A tool without effects that notes its calls."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self.one_began = asyncio.Event()

    async def look(self, n: int) -> int:
        """Look."""
        self.begun.append(n)
        self.one_began.set()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(n)
            raise
        return n * 10


async def run(model: Drafting, looking: Looking, **options: Any) -> Any:
    agent = Agent(model, tools=[tool(looking.look, pure=True)], **options)
    return [event async for event in agent.stream("go")]


async def test_a_settled_call_begins_before_the_turn_is_complete_and_runs_once() -> None:
    looking, model = Looking(), Drafting([[look(1)]], [look(1, "c1")])
    model.gates.append(looking.one_began)  # the turn is complete only once the tool has begun
    events = await run(model, looking)
    assert looking.begun == [1]
    (finished,) = [event for event in events if isinstance(event, ToolFinished)]
    assert (finished.result.content, finished.result.call_id) == ("10", "c1")
    assert events[-1].result.steps[0].results[0].content == "10"


async def test_a_call_that_the_turn_does_not_ask_for_goes_unseen() -> None:
    looking, model = Looking(), Drafting([[look(1)], [look(2)]], [look(3)])
    events = await run(model, looking)
    assert [event.call.arguments["n"] for event in events if isinstance(event, ToolStarted)] == [3]
    assert [event.result.content for event in events if isinstance(event, ToolFinished)] == ["30"]
    assert 3 in looking.begun
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_a_call_that_is_asked_for_twice_begins_twice() -> None:
    looking, model = Looking(), Drafting([[look(1)], [look(1), look(1)]], [look(1), look(1)])
    await run(model, looking)
    assert looking.begun == [1, 1]


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_is_left_when_the_model_fails(fails: bool) -> None:
    looking, model = Looking(), Drafting([[look(1)]], [look(2)], fails)
    if fails:
        with pytest.raises(ModelError):
            await run(model, looking)
    else:
        await run(model, looking)
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_only_tools_without_effects_begin_early() -> None:
    begun: list[str] = []

    def plain() -> None:
        """Act."""
        begun.append("plain")

    @tool(pure=True, requires_approval=True)
    def held() -> None:
        """Act."""
        begun.append("held")

    @tool(pure=True)
    async def contextual(context: RunContext[None]) -> None:
        """Act."""
        begun.append("contextual")

    calls = [ToolCall("plain", {}), ToolCall("held", {}), ToolCall("contextual", {}), ToolCall("none", {})]
    model = Drafting([calls], [look(1)])
    looking = Looking()
    agent = Agent(model, tools=[plain, held, contextual, tool(looking.look, pure=True)])
    await agent.run("go")
    assert begun == []


async def test_it_can_be_switched_off_and_is_off_without_tools_that_allow_it() -> None:
    looking, model = Looking(), Drafting([[look(1)]], [look(2)])
    await run(model, looking, settings=Settings(early_calls=False))
    assert looking.begun == [2]
    assert model.asked == [False, False]
    impure = Drafting([[look(1)]], [look(2)])
    await Agent(impure, tools=[Looking().look]).run("go")
    assert impure.asked == [False, False]


async def test_a_cancelled_run_cancels_what_began_early() -> None:
    looking, model = Looking(), Drafting([[look(1)]], [look(1)])
    never, began = asyncio.Event(), asyncio.Event()
    model.gates += [looking.one_began, never]

    async def hang(n: int) -> int:
        """Look."""
        looking.one_began.set()
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            looking.cancelled.append(n)
            raise
        return n

    agent = Agent(model, tools=[tool(hang, name="look", pure=True)])
    task = asyncio.create_task(agent.run("go"))
    async with asyncio.timeout(BOUND_S):
        await began.wait()
    task.cancel()
    await asyncio.wait([task])
    assert looking.cancelled == [1]
