"""A fixed number of agents, each of which takes the next task when it has finished one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from time import perf_counter
from typing import TypeVar

R = TypeVar("R")


async def closed_loop(
    work: Sequence[Callable[[], Awaitable[R]]],
    agents: int,
    *,
    fillers: Sequence[Callable[[], Awaitable[object]]] = (),
) -> tuple[list[R], float]:
    """Do all of `work`, `agents` items at a time.

    Args:
        work: the counted items.
        fillers: what an agent without further work does, over and over, until the last piece of work is done: without
            them the last pieces would run in an emptier batch than the others.

    Returns:
        The results in the order of the work, and the seconds until the last of them.

    Raises:
        Exception: the first that a piece of work raises; it stops the others.
    """
    results: dict[int, R] = {}
    numbered = enumerate(work)
    done = asyncio.Event()
    began = perf_counter()

    async def agent() -> None:
        for index, piece in numbered:
            results[index] = await piece()
            if len(results) == len(work):
                done.set()
        for filler in cycle(fillers):
            await asyncio.sleep(0)  # a filler that never waits must not keep the others from running
            await filler()

    first: Exception | None = None
    wall = 0.0
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(agent()) for _ in range(min(agents, len(work)))]
            if tasks:
                await done.wait()
            wall = perf_counter() - began
            for task in tasks:
                task.cancel()
    except ExceptionGroup as failures:
        first = failures.exceptions[0]
    if first is not None:
        raise first
    return [results[index] for index in range(len(work))], wall
