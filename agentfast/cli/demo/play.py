"""The demo's run: each agent takes the next task when it has finished one, and all share the model's batch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from time import perf_counter

from agentfast.agent.agent import Agent
from agentfast.agent.events import (
    AgentEvent,
    CallsProposed,
    CanvasUpdate,
    RunFinished,
    StepStarted,
    ToolFinished,
)
from agentfast.agent.run.seeds import derive_seed
from agentfast.cli.demo.board import AgentState, Board
from agentfast.cli.demo.report import TaskResult
from agentfast.cli.desk import LIMITS, SETTINGS
from agentfast.errors import AgentFastError
from agentfast.messages import ToolCall
from agentfast.models.base import CanvasState, Model
from agentfast.nano.tasks import Task
from agentfast.nano.tasks.task import is_valid_call

Listener = Callable[[AgentState, TaskResult], None]


async def play(
    model: Model, tasks: Sequence[Task], board: Board, *, seed: int = 0, listener: Listener | None = None
) -> list[TaskResult]:
    """Work through the tasks with the board's agents.

    Args:
        listener: told of each task as it ends.

    Returns:
        The results, in the order of the tasks. A run that fails is a wrong answer, not an exception.
    """
    results: dict[int, TaskResult] = {}
    numbered = iter(enumerate(tasks))
    pool = AgentPool(model)

    async def work(agent: AgentState) -> None:
        for index, task in numbered:
            agent.begin_task(task.prompt)
            result = results[index] = await pool.attempt(task, agent, derive_seed(seed, index))
            agent.finish_task(result.answer, right=result.right)
            if listener is not None:
                listener(agent, result)

    async with asyncio.TaskGroup() as group:
        for agent in board.agents:
            group.create_task(work(agent))
    return [results[index] for index in range(len(tasks))]


class AgentPool:
    """The agents, one definition for each desk: a definition is shared by any number of runs."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._agents: dict[tuple[str, int], Agent[None, str]] = {}

    def agent_for(self, task: Task) -> Agent[None, str]:
        """The agent of the task's desk and shop; a task without a desk has tools of its own."""
        key = (task.desk, id(task.shop if task.desk else task))
        if key not in self._agents:
            self._agents[key] = Agent(
                self._model,
                tools=task.tools,
                instructions=task.instructions,
                limits=LIMITS,
                settings=SETTINGS,
                doubt=None,  # its figures are those of the model alone
                name=task.desk or "tools",
            )
        return self._agents[key]

    async def attempt(self, task: Task, agent: AgentState, seed: int) -> TaskResult:
        """One run over a task, shown on the agent's state."""
        calls: list[ToolCall] = []
        right = False
        began = perf_counter()
        try:
            async with aclosing(self.agent_for(task).stream(task.prompt, seed=seed)) as events:
                answer = await follow(events, agent, calls)
            right = task.check(answer, calls)
        except AgentFastError as error:
            answer = f"{type(error).__name__}: {error}"
        return TaskResult(
            kind=task.kind,
            prompt=task.prompt,
            answer=answer,
            right=right,
            calls=len(calls),
            invalid_calls=sum(not is_valid_call(call, task) for call in calls),
            seconds=perf_counter() - began,
        )


async def follow(events: AsyncIterator[AgentEvent[str]], agent: AgentState, calls: list[ToolCall]) -> str:
    """Show a run on its agent's state, note its calls as the model asks for them, and return its answer."""
    async for event in events:
        match event:
            case StepStarted():
                agent.begin_turn()
            case CanvasUpdate(canvas=canvas):
                agent.show_canvas(canvas.start, canvas.step, list(spans(canvas)))
            case CallsProposed(calls=proposed):
                calls.extend(proposed)
                agent.run_tools(tuple(call.name for call in proposed))
            case ToolFinished(result=result):
                agent.run_tools(tuple(name for name in agent.tools if name != result.name))
            case RunFinished(result=result):
                return result.output
            case _:
                pass
    raise AssertionError("a stream ends with RunFinished or raises")


def spans(canvas: CanvasState, end: str = "<|end|>") -> Iterator[tuple[str, bool]]:
    """The canvas's text up to its end token, piece by piece, each with True if the next step keeps it."""
    for piece, accepted in zip(canvas.pieces, canvas.accepted, strict=True):
        if piece == end:
            return
        yield piece, accepted or canvas.committed
