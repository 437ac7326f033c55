"""A thousand runs at once whose tools hang, raise and return garbage, and whose callers leave: nothing is lost or left."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from agentfast import (
    Agent,
    AgentFastError,
    AssistantMessage,
    Budget,
    LimitExceededError,
    Limits,
    Message,
    ModelError,
    ModelRetry,
    RunContext,
    RunResult,
    ScriptedModel,
    Settings,
    ToolCall,
    ToolMessage,
    UserMessage,
    tool,
)

RUNS = 1000
STEPS = 3


class Unprintable:
    """Has no JSON."""


@tool
async def answer_at_once(n: int) -> int:
    """Answer."""
    return n


@tool(timeout=0.05)
async def hang(n: int) -> int:
    """Hang."""
    await asyncio.Event().wait()
    return n


@tool(timeout=0.05)
def work_until_cancelled(context: RunContext[None], n: int) -> int:
    """Work in a thread."""
    while True:
        context.check_cancelled()


@tool
async def fail(n: int) -> int:
    """Fail."""
    raise random.choice([ValueError("broken"), ModelRetry("again"), KeyError(n), SystemExit(3)])


@tool
async def give_garbage(n: int) -> Any:
    """Give garbage."""
    return Unprintable()


@tool
async def cancel_itself(n: int) -> int:
    """Cancel."""
    raise asyncio.CancelledError


TOOLS = (answer_at_once, hang, fail, give_garbage, cancel_itself, work_until_cancelled)
NAMES = [each.name for each in TOOLS]


def script(messages: Sequence[Message]) -> Any:
    """Three turns of calls drawn from the prompt's number; some models fail."""
    prompt = next(message.text for message in messages if isinstance(message, UserMessage))
    turn = sum(isinstance(message, AssistantMessage) for message in messages)
    draw = random.Random(f"{prompt}/{turn}")
    if draw.random() < 0.02:
        raise ModelError("server gone")
    if turn == STEPS:
        return prompt
    # Threads that work are few: each holds a core until its time is over.
    names = draw.choices(NAMES, [12, 1, 2, 2, 1, 0.02], k=draw.randint(1, 3))
    return [ToolCall(name, {"n": turn * 10 + place}) for place, name in enumerate(names)]


@pytest.mark.parametrize("seed", [1])
async def test_a_thousand_runs_with_every_fault_end_each_in_its_way_and_nothing_is_left(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "agentfast.agent")
    draw = random.Random(seed)
    agent = Agent(
        ScriptedModel(script),
        tools=list(TOOLS),
        limits=Limits(max_identical_calls=None, tool_retries=4),
        settings=Settings(tool_concurrency=200),
    )
    budgets = [Budget(requests=draw.randint(100, 700), calls=draw.randint(100, 1000)) for _ in range(10)]
    before = set(asyncio.all_tasks())
    tasks = [
        asyncio.create_task(agent.run(f"task {number}", budget=budgets[number % 10]))
        for number in range(RUNS)
    ]
    leaving = draw.sample(tasks, 150)
    for task in leaving:
        for _ in range(draw.randint(0, 3)):
            await asyncio.sleep(0)
        task.cancel()
    async with asyncio.timeout(120):
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    kinds = Counter(type(outcome).__name__ for outcome in outcomes)
    assert sum(kinds.values()) == RUNS
    assert kinds["CancelledError"] <= len(leaving)
    assert kinds["RunResult"] > RUNS // 5
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, RunResult | AgentFastError | asyncio.CancelledError)
        if isinstance(outcome, RunResult):
            assert outcome.output == f"task {number}"
            check_pairs(outcome.messages)
        elif isinstance(outcome, AgentFastError):
            assert isinstance(outcome, ModelError | LimitExceededError)
            check_pairs(outcome.messages)
    for budget in budgets:
        assert budget.requests is not None
        assert budget.calls is not None
        assert budget.spent.requests <= budget.requests
        assert budget.spent.calls <= budget.calls
    assert {task for task in asyncio.all_tasks() if not task.done()} <= before
    again = await agent.run("task 0 again")  # the slots of the tools are free again
    assert isinstance(again, RunResult)


def check_pairs(messages: Sequence[Message]) -> None:
    """Each call has exactly one result."""
    calls = [
        call.id for message in messages if isinstance(message, AssistantMessage) for call in message.calls
    ]
    results = [message.call_id for message in messages if isinstance(message, ToolMessage)]
    assert calls == results
