"""Tests of bench.overhead.measure: all runs are made, and all their calls."""

from __future__ import annotations

from itertools import count

import pytest

from bench.overhead import measure, ours
from bench.overhead.measure import Work
from bench.overhead.workload import ANSWER, Run, Wait, at_once


@pytest.mark.parametrize("work", [Work(60, 3, 1), Work(2, 31, 1), Work(2, 2, 50)])
def test_every_run_and_every_call_is_made(work: Work) -> None:
    ticks = count()
    assert measure.seconds(ours.agent_of, work, at_once, lambda: float(next(ticks))) == 1.0


def test_a_long_history_leaves_the_runs_turns_as_they_are() -> None:
    def agent_of(turns: int, calls: int, wait: Wait) -> Run:
        return ours.agent_of(turns, calls, wait, turns_before=20)

    measure.seconds(agent_of, Work(2, 3, 1), at_once, lambda: 0.0)


def test_a_run_that_answers_something_else_is_refused() -> None:
    async def wrong() -> str:
        return "no"

    with pytest.raises(RuntimeError, match="a run answered 'no'"):
        measure.seconds(lambda turns, calls, wait: wrong, Work(1, 2, 1), at_once, lambda: 0.0)


def test_a_framework_that_skips_calls_is_refused() -> None:
    async def idle() -> str:
        return ANSWER

    with pytest.raises(RuntimeError, match="0 calls were made, not 2"):
        measure.seconds(lambda turns, calls, wait: idle, Work(2, 2, 1), at_once, lambda: 0.0)
