"""Maps: many prompts on one agent, in order, and nothing that was finished is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from agentfast import Agent, ConfigError, MapError, Message, ModelError, ScriptedModel, UserMessage
from tests.support.scripted_runs import BOUND_S, RecordingModel


async def test_a_map_gives_results_in_order_with_bounded_concurrency() -> None:
    running, most = 0, 0

    async def answer(messages: Sequence[Message]) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        last = messages[-1]
        assert isinstance(last, UserMessage)
        return last.text.upper()

    prompts = [f"p{index}" for index in range(20)]
    results = await Agent(ScriptedModel(answer)).map(iter(prompts), concurrency=3)
    assert [result.output for result in results] == [prompt.upper() for prompt in prompts]
    assert most == 3


async def test_runs_of_a_map_have_their_own_seeds_whatever_the_concurrency() -> None:
    seeds: list[set[int | None]] = []
    for concurrency in (1, 5):
        model = RecordingModel(lambda _: "done")
        await Agent(model).map(["a"] * 5, concurrency=concurrency, seed=7)
        seeds.append({request.seed for request in model.requests})
    assert seeds[0] == seeds[1]
    assert len(seeds[0]) == 5


def fail_on_bad(messages: Sequence[Message]) -> str:
    last = messages[-1]
    if isinstance(last, UserMessage) and last.text == "bad":
        raise ModelError("bad prompt")
    return "good"


async def test_a_failure_in_a_map_can_stand_in_its_place() -> None:
    outcomes = await Agent(ScriptedModel(fail_on_bad)).map(["a", "bad", "b"], return_exceptions=True)
    assert [isinstance(outcome, ModelError) for outcome in outcomes] == [False, True, False]


async def test_a_failure_in_a_map_stops_the_runs_under_way_and_names_its_prompt() -> None:
    stopped: list[str] = []

    async def answer(messages: Sequence[Message]) -> str:
        try:
            if fail_on_bad(messages):
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            stopped.append("cancelled")
            raise
        return "never"

    async with asyncio.timeout(BOUND_S):
        with pytest.raises(MapError, match=r"prompt 1 \('bad'\) failed: ModelError: bad prompt") as caught:
            await Agent(ScriptedModel(answer)).map(["a", "bad"])
    assert stopped == ["cancelled"]
    assert (caught.value.index, caught.value.prompt) == (1, "bad")
    assert isinstance(caught.value.__cause__, ModelError)
    assert caught.value.messages == (UserMessage("bad"),)


async def test_results_that_were_finished_before_a_failure_are_kept() -> None:
    for concurrency in (1, 2):
        with pytest.raises(MapError) as caught:
            await Agent(ScriptedModel(fail_on_bad)).map(["a", "b", "bad", "c"], concurrency=concurrency)
        outcomes = caught.value.results
        assert [getattr(outcome, "output", None) for outcome in outcomes[:2]] == ["good", "good"]
        assert isinstance(outcomes[2], ModelError)


async def test_a_cancelled_map_hands_over_what_was_finished() -> None:
    hanging = asyncio.Event()

    async def answer(messages: Sequence[Message]) -> str:
        if messages[-1] == UserMessage("hang"):
            hanging.set()
            await asyncio.Event().wait()
        return "good"

    task = asyncio.create_task(Agent(ScriptedModel(answer)).map(["a", "hang"], concurrency=1))
    async with asyncio.timeout(BOUND_S):
        await hanging.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    first, second = vars(caught.value)["results"]
    assert (first.output, second) == ("good", None)


async def test_prompts_that_fail_to_come_lose_no_results_either() -> None:
    def prompts() -> Iterator[str]:
        yield "a"
        raise OSError("disk")

    agent = Agent(ScriptedModel(fail_on_bad))
    for return_exceptions in (False, True):
        with pytest.raises(MapError, match="at prompt 1, failed: OSError: disk") as caught:
            await agent.map(prompts(), return_exceptions=return_exceptions)
        assert [getattr(outcome, "output", None) for outcome in caught.value.results] == ["good"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"prompts": "a string"}, "prompts is 'a string'"),
        ({"prompts": None}, "prompts is None"),
        ({"prompts": ["a", 5]}, r"prompts\[1\] is 5"),
        ({"concurrency": "x"}, "concurrency"),
        ({"return_exceptions": 1}, "return_exceptions"),
        ({"seed": "x"}, "seed"),
    ],
)
async def test_misuse_is_refused_before_anything_starts(arguments: dict[str, Any], complaint: str) -> None:
    model = RecordingModel(lambda _: "done")
    many: Any = Agent(model).map
    with pytest.raises(ConfigError, match=complaint):
        await many(**{"prompts": ["a"], **arguments})
    assert not model.requests


async def test_a_map_over_nothing_is_empty_and_concurrency_is_checked() -> None:
    agent = Agent(ScriptedModel([]))
    assert await agent.map([]) == []
    with pytest.raises(ConfigError, match="concurrency"):
        await agent.map(["a"], concurrency=0)
