"""Tests of bench.overhead.workload: the turns' numbers, and the model that batches."""

from __future__ import annotations

import asyncio

import pytest

from bench.overhead.workload import Tick, arguments_of, call_id, quote, turn_after


@pytest.mark.parametrize(
    ("answered", "turn"), [(None, 0), ("", 0), (call_id(0, 0), 1), (call_id(29, 49), 30)]
)
def test_the_turn_follows_from_the_last_call_that_was_answered(answered: str | None, turn: int) -> None:
    assert turn_after(answered) == turn


def test_no_two_calls_of_a_run_have_the_same_arguments() -> None:
    counts = {arguments_of(turn, index)["count"] for turn in range(31) for index in range(50)}
    assert len(counts) == 31 * 50


async def test_the_tool_answers_with_what_it_was_given() -> None:
    assert await quote("pen", 2, True) == {"product": "pen", "price": 6, "express": True}


async def test_requests_that_wait_are_answered_together_and_later_ones_in_another_batch() -> None:
    tick, answered = Tick(0.001), list[int]()

    async def ask(number: int) -> None:
        await tick()
        answered.append(number)
        if number < 3:  # the next request of the same run
            await ask(number + 3)

    await asyncio.gather(*(ask(number) for number in range(3)))
    assert answered == [0, 1, 2, 3, 4, 5]


async def test_a_request_that_was_cancelled_does_not_stop_its_batch() -> None:
    tick = Tick(0.001)
    left, stays = asyncio.create_task(tick()), asyncio.create_task(tick())
    await asyncio.sleep(0)
    left.cancel()
    await stays
    assert left.cancelled()
