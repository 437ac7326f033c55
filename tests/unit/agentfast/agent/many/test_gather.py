"""Runs of different agents at once: in order, as they end, with progress, and nothing that finished is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from typing import Any

import pytest

from agentfast import (
    Agent,
    Budget,
    ConfigError,
    Job,
    LimitExceededError,
    MapError,
    Message,
    ModelError,
    Progress,
    RunContext,
    RunResult,
    ScriptedModel,
    ToolCall,
    UserMessage,
    as_completed,
    gather,
    tool,
)
from tests.support.scripted_runs import BOUND_S


def echo(messages: Sequence[Message]) -> str:
    last = messages[-1]
    assert isinstance(last, UserMessage)
    if "bad" in last.text:
        raise ModelError(f"no {last.text}")
    return last.text.upper()


upper = Agent(ScriptedModel(echo), name="upper")
numbers = Agent(ScriptedModel(lambda messages: "7"), output_type=int)


async def test_jobs_of_different_agents_end_in_the_order_of_the_jobs() -> None:
    results = await gather([(upper, "a"), (numbers, "n"), Job(upper, "b")])
    assert [result.output for result in results] == ["A", 7, "B"]


async def test_a_failure_names_its_job_and_keeps_what_finished() -> None:
    with pytest.raises(MapError, match="no bad") as caught:
        await gather([(upper, "a"), (upper, "bad")], concurrency=1)
    assert caught.value.index == 1
    assert isinstance(caught.value.results[0], RunResult)
    outcomes = await gather([(upper, "bad"), (upper, "a")], return_exceptions=True)
    assert isinstance(outcomes[0], ModelError)
    assert isinstance(outcomes[1], RunResult)


async def test_a_jobs_deps_reach_its_tools() -> None:
    @tool
    async def who(context: RunContext[str]) -> str:
        """Tell who."""
        return context.deps

    def answer(messages: Sequence[Message]) -> Any:
        return [ToolCall("who", {})] if len(messages) == 2 else messages[-1].content  # type: ignore[union-attr]  # pyright: ignore

    agent = Agent(ScriptedModel(answer), tools=[who], deps_type=str)
    results = await gather([Job(agent, "x", name) for name in ("anna", "bo")])
    assert [result.output for result in results] == ['"anna"', '"bo"']


@pytest.mark.parametrize("jobs", [[upper], [("a", "b")], [(upper, 5)], "ab", 5])
async def test_what_is_no_job_is_refused_before_anything_runs(jobs: Any) -> None:
    with pytest.raises(ConfigError, match="jobs"):
        await gather(jobs)
    with pytest.raises(ConfigError, match="jobs"):
        as_completed(jobs)


async def test_progress_is_told_at_each_runs_end() -> None:
    told: list[Progress] = []
    prompts = ["a", "bad", "b"]
    await upper.map(prompts, return_exceptions=True, progress=told.append, concurrency=1)
    assert told == [Progress(1, 0, 3), Progress(2, 1, 3), Progress(3, 1, 3)]
    told.clear()
    await gather(((upper, prompt) for prompt in "xy"), progress=told.append)
    assert told[-1] == Progress(2, 0, None)


async def test_a_bar_is_drawn_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    await upper.map(["a", "bad"], return_exceptions=True, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "2/2" in captured.err
    assert "1 failed" in captured.err


async def test_progress_is_a_function_or_a_flag() -> None:
    with pytest.raises(ConfigError, match="progress is 5"):
        await upper.map(["a"], progress=5)  # type: ignore[call-overload]  # pyright: ignore


async def test_outcomes_come_as_runs_end() -> None:
    first = asyncio.Event()

    @tool
    async def wait() -> str:
        """Wait for the other."""
        await first.wait()
        return "done"

    slow = Agent(ScriptedModel([[ToolCall("wait", {})], "slow"]), tools=[wait])
    order: list[int] = []
    async with (
        asyncio.timeout(BOUND_S),
        aclosing(as_completed([(slow, "a"), (upper, "b"), (upper, "bad")])) as ended,
    ):
        async for outcome in ended:
            order.append(outcome.index)
            if len(order) == 2:
                first.set()
            if outcome.error is not None:
                assert outcome.result is None
                with pytest.raises(ModelError):
                    outcome.unwrap()
            else:
                assert outcome.unwrap().output in ("slow", "B")
    assert order == [1, 2, 0]


async def test_a_map_gives_outcomes_as_they_come_with_their_prompts() -> None:
    found = {
        outcome.item: outcome async for outcome in upper.map_as_completed(["a", "bad", "c"], concurrency=2)
    }
    assert found["a"].unwrap().output == "A"
    assert isinstance(found["bad"].error, ModelError)
    assert [found[prompt].index for prompt in ("a", "bad", "c")] == [0, 1, 2]


async def test_leaving_early_stops_what_is_under_way() -> None:
    stopped = asyncio.Event()

    @tool
    async def hang() -> None:
        """Hang."""
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    stuck = Agent(ScriptedModel([[ToolCall("hang", {})]]), tools=[hang])
    async with asyncio.timeout(BOUND_S), aclosing(as_completed([(stuck, "a"), (upper, "b")])) as ended:
        async for outcome in ended:
            assert outcome.index == 1
            break
    assert stopped.is_set()


async def test_an_iterator_that_fails_ends_the_loop_after_what_came_before() -> None:
    def prompts() -> Iterator[str]:
        yield "a"
        raise OSError("file gone")

    outcomes = upper.map_as_completed(prompts(), concurrency=1)
    assert (await anext(outcomes)).index == 0
    with pytest.raises(MapError, match="file gone"):
        await anext(outcomes)


async def test_the_runs_of_a_map_share_its_budget() -> None:
    outcomes = await upper.map(list("abcdef"), return_exceptions=True, budget=Budget(requests=4))
    assert sum(isinstance(outcome, LimitExceededError) for outcome in outcomes) == 2
