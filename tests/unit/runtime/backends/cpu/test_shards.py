"""A batch in shards gives what it gives in one, whatever the rows read of each other, and fails as one."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import EngineError
from agentfast.runtime.backends.base import Forward
from agentfast.runtime.backends.cpu.fused_model import FusedModel
from agentfast.runtime.backends.cpu.shards import TOKENS_PER_SHARD, Cost, shards_of
from agentfast.runtime.backends.cpu.threads import PartQueue, ShardPool, single_threaded_operations
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.decoding.base import Outcome
from agentfast.runtime.decoding.diffusion import DiffusionDecoder
from agentfast.runtime.scheduling.batch import Batch, ScheduledRow
from agentfast.runtime.scheduling.request import Completion, Request
from agentfast.runtime.scheduling.row import Row
from tests.support.engine_kit import CONFIG, checked_engine, complete, outcomes, small_model

SHARED = tuple(range(64))  # four blocks that rows encode once and share


def part(tokens: int, start: int = 0) -> ScheduledRow:
    request = Request((1,), max_tokens=1)
    row = Row(request, None, max_kv_positions=1, keys=[], submitted=0.0)
    return ScheduledRow(row, start, start + tokens, decode=False)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.integers(1, 8))
def test_shards_have_every_work_once_in_order_and_differ_by_no_more_than_one(
    sizes: list[int], most: int
) -> None:
    works = [part(size) for size in sizes]
    shards = shards_of(works, most, cost=lambda w: w.tokens)
    assert sorted(works.index(w) for shard in shards for w in shard) == list(range(len(works)))
    assert all(list(shard) == sorted(shard, key=works.index) for shard in shards)
    assert 1 <= len(shards) <= max(1, min(most, sum(sizes) // TOKENS_PER_SHARD))
    sums = [sum(w.tokens for w in shard) for shard in shards]
    assert max(sums) - min(sums) <= max(sizes)


@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(1, 4), st.floats(1, 2))
def test_shards_that_would_be_too_uneven_are_one(sizes: list[int], most: int, uneven: float) -> None:
    works = [part(size) for size in sizes]
    even, shards = [shards_of(works, most, lambda w: w.tokens, limit) for limit in (float("inf"), uneven)]
    dearest = max(sum(w.tokens for w in shard) for shard in even)
    assert shards == ([tuple(works)] if dearest * len(even) > uneven * sum(sizes) else even)


def test_a_work_costs_more_the_more_it_attends_to_within_its_layers_windows() -> None:
    config = small_model().config
    cost, unbounded = Cost(config), Cost(replace(config, layers=("full", "full")))
    costs = [cost(part(30, start)) for start in (0, 64, 1024)]
    assert costs == sorted(set(costs))
    assert unbounded(part(2)) == cost(part(2))
    assert unbounded(part(30, 1024)) > cost(part(30, 1024))


def completions(config: EngineConfig) -> list[Completion]:
    async def go() -> list[Completion]:
        requests = [
            Request((*SHARED, *range(i, 3 * i)), max_tokens=40, seed=i, temperature=i % 2) for i in range(12)
        ]
        async with checked_engine(config=config) as engine:
            return await complete(engine, requests)

    return asyncio.run(go())


def test_shards_do_not_change_what_rows_generate_even_where_one_reads_what_another_encodes() -> None:
    alone = completions(replace(CONFIG, threads=1))
    assert [c.tokens for c in completions(replace(CONFIG, threads=3))] == [c.tokens for c in alone]
    assert any(c.usage.cached_tokens for c in alone)


def test_threads_that_share_tokens_share_what_is_to_be_decoded_and_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = [Request(tuple(range(i, i + 30)), max_tokens=40, seed=i) for i in range(3)]
    sizes: list[int] = []
    update, both = DiffusionDecoder.update, threading.Barrier(2)

    def watched(decoder: DiffusionDecoder, batch: Batch, forward: Forward) -> list[Outcome]:
        sizes.append(len(batch.rows))
        if len(sizes) <= 2:
            both.wait(timeout=60)  # one thread alone would wait in vain
        return update(decoder, batch, forward)

    async def go(count: int) -> list[tuple[int, ...]]:
        async with checked_engine(config=replace(CONFIG, threads=count)) as engine:
            return [completion.tokens for completion in await complete(engine, requests)]

    alone = asyncio.run(go(1))
    monkeypatch.setattr(DiffusionDecoder, "update", watched)
    assert asyncio.run(go(2)) == alone
    assert set(sizes) == {1}


def test_a_shard_that_fails_ends_the_step_and_the_engine_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = FusedModel.logits
    failing = True

    def fail_once(network: FusedModel, hidden: torch.Tensor) -> torch.Tensor:
        nonlocal failing
        if failing and threading.current_thread().name.startswith("agentfast-shard"):
            failing = False
            raise MemoryError("no memory")
        return logits(network, hidden)

    monkeypatch.setattr(FusedModel, "logits", fail_once)

    async def go() -> tuple[list[object], Completion]:
        async with checked_engine(config=replace(CONFIG, threads=2)) as engine:
            requests = [Request((i, *range(80)), max_tokens=16, seed=i) for i in range(4)]
            return list(await outcomes(engine, requests)), await engine.submit(requests[0])

    found, later = asyncio.run(go())
    assert any(isinstance(item, EngineError) and "no memory" in str(item) for item in found)
    assert later.usage.generated_tokens


def test_the_error_that_broke_the_barrier_is_the_one_that_is_raised() -> None:
    barrier = threading.Barrier(2)

    def run(shard: int) -> None:
        try:
            if shard == 1:
                raise ValueError("shard 1")
            barrier.wait()
        except BaseException:
            barrier.abort()
            raise

    pool = ShardPool(2)
    with pytest.raises(ValueError, match="shard 1"):
        pool.map(run, [0, 1])
    pool.close()


def test_single_threaded_operations_are_so_in_one_thread_only() -> None:
    found: list[int] = []

    def inside() -> None:
        single_threaded_operations()
        found.append(torch.get_num_threads())

    def run(target: object) -> None:
        thread = threading.Thread(target=target)  # type: ignore[arg-type]
        thread.start()
        thread.join()

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        run(inside)
        run(lambda: found.append(torch.get_num_threads()))
        assert found == [1, 2]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4))
def test_what_shards_leave_is_taken_once_by_whichever_is_free(sizes: list[int]) -> None:
    queue = PartQueue[tuple[int, int]](len(sizes))
    taken: list[tuple[int, int]] = []
    last = threading.Event()  # until the others have taken all of theirs, the first one leaves nothing

    def run(shard: int) -> None:
        if shard == 0 and len(sizes) > 1:
            last.wait()
        queue.put((shard, item) for item in range(sizes[shard]))
        for item in queue:
            taken.append(item)
            if len(taken) == sum(sizes[1:]):
                last.set()

    if not any(sizes[1:]):
        last.set()
    pool = ShardPool(len(sizes))
    pool.map(run, range(len(sizes)))
    pool.close()
    assert sorted(taken) == [(shard, item) for shard, size in enumerate(sizes) for item in range(size)]


def test_nobody_waits_for_what_a_shard_that_failed_would_have_left() -> None:
    queue = PartQueue[int](2)

    def run(shard: int) -> None:
        items: list[int] = []
        try:
            items = [1 // shard]
        finally:
            queue.put(items)
        assert list(queue) in ([], [1])

    pool = ShardPool(2)
    with pytest.raises(ZeroDivisionError):
        pool.map(run, [0, 1])
    pool.close()
