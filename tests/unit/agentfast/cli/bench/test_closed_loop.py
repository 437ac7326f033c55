"""A fixed number of agents at work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.cli.bench.closed_loop import closed_loop


class Floor:
    """Where pieces of work are done: each takes some turns of the event loop."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.started: list[int] = []
        self.fillers = 0

    def piece(self, index: int, turns: int) -> Callable[[], Awaitable[int]]:
        async def work() -> int:
            self.started.append(index)
            self.running += 1
            self.most = max(self.most, self.running)
            try:
                for _ in range(turns):
                    await asyncio.sleep(0)
            finally:
                self.running -= 1
            return index

        return work

    def filler(self, turns: int) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            self.fillers += 1
            await self.piece(-1, turns)()

        return work


@given(st.lists(st.integers(0, 9), max_size=12), st.integers(1, 6), st.lists(st.integers(0, 9), max_size=3))
def test_every_piece_is_done_once_by_as_many_as_there_are(
    turns: list[int], agents: int, filling: list[int]
) -> None:
    floor = Floor()
    pieces = [floor.piece(index, count) for index, count in enumerate(turns)]
    fillers = [floor.filler(count) for count in filling]
    results, wall = asyncio.run(closed_loop(pieces, agents, fillers=fillers))
    assert results == list(range(len(turns)))
    assert [index for index in floor.started if index >= 0] == results
    assert floor.most <= agents
    if (
        min(turns, default=0) and not filling
    ):  # a piece without a turn may be over before the next agent begins
        assert floor.most == min(agents, len(turns))
    assert floor.running == 0  # fillers were ended
    assert wall >= 0


def test_fillers_keep_the_other_agents_busy_until_the_last_piece_is_done() -> None:
    floor = Floor()
    asyncio.run(closed_loop([floor.piece(0, 1), floor.piece(1, 50)], 2, fillers=[floor.filler(3)]))
    assert floor.fillers >= 5


def test_a_filler_that_never_waits_does_not_stop_the_rest() -> None:
    async def at_once() -> None:
        pass

    floor = Floor()
    results, _ = asyncio.run(closed_loop([floor.piece(0, 1), floor.piece(1, 50)], 2, fillers=[at_once]))
    assert results == [0, 1]


@pytest.mark.parametrize("failing", ["piece", "filler"])
def test_the_first_failure_stops_all_and_is_raised(failing: str) -> None:
    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def forever() -> int:
        await asyncio.Event().wait()
        return 0

    async def at_once() -> int:
        return 1

    work = [fail, forever] if failing == "piece" else [at_once, forever]
    with pytest.raises(ValueError, match="no"):
        asyncio.run(closed_loop(work, 2, fillers=[fail]))
