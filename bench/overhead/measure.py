"""Measure one framework in this process: `python -m bench.overhead.measure MODULE`, whose `agent_of` makes its agent.

Prints one line of JSON. Needs the standard library alone besides the framework.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from bench.overhead import workload
from bench.overhead.workload import ANSWER, Run, Tick, Wait, at_once

AgentOf = Callable[[int, int, Wait], Run]
AT_ONCE = 50
TICK_S = 0.02


@dataclass(frozen=True)
class Work:
    """So many runs of so many turns of the model, with so many calls of the tool in each turn but the last."""

    runs: int
    turns: int
    calls: int

    @property
    def steps(self) -> int:
        """Steps of all runs."""
        return self.runs * self.turns

    @property
    def all_calls(self) -> int:
        """Calls of all runs."""
        return self.runs * (self.turns - 1) * self.calls


SHORT = Work(200, 3, 1)
LONG = Work(50, 31, 1)
PARALLEL = Work(20, 2, 50)


async def all_runs(run: Run, runs: int) -> None:
    """Do the runs, AT_ONCE of them at a time."""
    left = iter(range(runs))

    async def worker() -> None:
        for _ in left:
            if (answer := await run()) != ANSWER:
                raise RuntimeError(f"a run answered {answer!r}")

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


def seconds(agent_of: AgentOf, work: Work, wait: Wait, clock: Callable[[], float]) -> float:
    """Time of the work by a clock, after a few runs to warm up.

    Raises:
        RuntimeError: a run did not answer, or not all calls were made.
    """
    run = agent_of(work.turns, work.calls, wait)

    async def timed() -> float:
        await all_runs(run, 3)
        gc.collect()
        made, start = workload.calls_made, clock()
        await all_runs(run, work.runs)
        spent = clock() - start
        if (calls := workload.calls_made - made) != work.all_calls:
            raise RuntimeError(f"{calls} calls were made, not {work.all_calls}")
        return spent

    return asyncio.run(timed())


def cpu_ms(agent_of: AgentOf, work: Work) -> float:
    """Milliseconds of one CPU core for the work, on a model that answers at once."""
    return seconds(agent_of, work, at_once, time.process_time) * 1000


def measured(agent_of: AgentOf) -> dict[str, float]:
    """The framework's costs: milliseconds of one CPU core, and steps per second on the model that batches."""
    wall = seconds(agent_of, SHORT, Tick(TICK_S), time.perf_counter)
    return {
        "cpu_ms_per_step": cpu_ms(agent_of, SHORT) / SHORT.steps,
        "cpu_ms_per_step_31": cpu_ms(agent_of, LONG) / LONG.steps,
        "cpu_ms_per_parallel_call": cpu_ms(agent_of, PARALLEL) / PARALLEL.all_calls,
        "steps_per_s_tick20": SHORT.steps / wall,
    }


if __name__ == "__main__":
    print(json.dumps(measured(import_module(sys.argv[1]).agent_of)))
