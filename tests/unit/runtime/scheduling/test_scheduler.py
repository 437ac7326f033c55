"""Admission, batches, sharing and fairness, without a model."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.kvcache.prefix_keys import block_keys
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.request import Request
from agentfast.runtime.scheduling.row import Canvas, Row, Status
from agentfast.runtime.scheduling.scheduler import Scheduler

BLOCK = 4
CANVAS = 8


def config(**changes: int) -> EngineConfig:
    values = {"cache_tokens": 400, "block_size": BLOCK, "max_batch_tokens": 64, "max_prefill_tokens": 32}
    return EngineConfig(**{**values, **changes})  # type: ignore[arg-type]


def row(
    prompt: list[int],
    *,
    canvas: int = CANVAS,
    max_kv_positions: int | None = None,
    program: str = "p",
    priority: int = 0,
) -> Row:
    request = Request(tuple(prompt), max_tokens=100, program=program, priority=priority)
    made = Row(
        request=request,
        decoding=None,
        max_kv_positions=max_kv_positions or len(prompt),
        keys=block_keys(prompt, BLOCK),
        submitted=0.0,
    )
    made.canvas = Canvas(np.zeros(canvas, np.int64)) if canvas else None
    made.wants_next_logits = not canvas
    return made


def step(scheduler: Scheduler) -> Batch:
    """A forward pass that went well."""
    batch = scheduler.schedule()
    scheduler.settle(batch)
    scheduler.check_integrity()
    return batch


def parts(batch: Batch) -> list[tuple[int, int, bool]]:
    return [(part.start, part.stop, part.decode) for part in batch.rows]


def test_a_short_prompt_is_encoded_and_denoised_in_one_pass() -> None:
    scheduler = Scheduler(config())
    scheduler.add(row([1] * 10))
    assert parts(step(scheduler)) == [(0, 10, True)]
    assert parts(step(scheduler)) == [(10, 10, True)]


def test_a_long_prompt_is_encoded_in_whole_blocks() -> None:
    scheduler = Scheduler(config(max_prefill_tokens=15))
    scheduler.add(row(list(range(29))))
    assert [parts(step(scheduler)) for _ in range(4)] == [
        [(0, 12, False)],
        [(12, 24, False)],
        [(24, 29, True)],
        [(29, 29, True)],
    ]


def test_rows_that_begin_alike_share_blocks_within_one_pass_and_later() -> None:
    scheduler = Scheduler(config())
    prefix = list(range(8))
    scheduler.add(row([*prefix, 100]))
    scheduler.add(row([*prefix, 101]))
    batch = step(scheduler)
    assert parts(batch) == [(0, 9, True), (8, 9, True)]
    assert [part.reads_in_flight for part in batch.rows] == [False, True]
    scheduler.add(late := row([*prefix, 102]))
    batch = step(scheduler)
    assert parts(batch)[-1] == (8, 9, True)
    assert not any(part.reads_in_flight for part in batch.rows)
    assert late.cached == 8
    assert len({tuple(running.blocks[:2]) for running in scheduler.running}) == 1


def test_an_autoregressive_row_runs_its_last_token_itself() -> None:
    scheduler = Scheduler(config())
    for _ in range(2):
        scheduler.add(row(list(range(8)), canvas=0))
    assert parts(step(scheduler)) == [(0, 8, True), (4, 8, True)]


def test_what_a_failed_row_wrote_is_not_shared() -> None:
    scheduler = Scheduler(config())
    scheduler.add(bad := row(list(range(8))))
    batch = scheduler.schedule()
    scheduler.settle(batch, failed=[bad])
    scheduler.remove(bad)
    scheduler.add(row(list(range(8))))
    assert parts(step(scheduler)) == [(0, 8, True)]


def test_the_token_budget_of_a_pass_is_kept_but_the_first_row_always_gets_its_step() -> None:
    scheduler = Scheduler(config(max_batch_tokens=20, block_size=2))
    for n in range(3):
        scheduler.add(row([n] * 2, program=str(n)))
    assert len(step(scheduler).rows) == 2
    scheduler = Scheduler(config(max_batch_tokens=4))
    scheduler.add(row([1] * 4))
    assert step(scheduler).tokens == 4 + CANVAS


def test_priority_comes_first() -> None:
    scheduler = Scheduler(config(max_rows=1))
    scheduler.add(row([1]))
    scheduler.add(urgent := row([2], priority=1))
    assert [part.row for part in step(scheduler).rows] == [urgent]


def test_a_large_program_does_not_starve_a_small_one() -> None:
    scheduler = Scheduler(config(max_batch_tokens=16, max_rows=64))
    for n in range(50):
        scheduler.add(row([n], program="large"))
    for n in range(2):
        scheduler.add(row([100 + n], program="small"))
    served = {"large": 0, "small": 0}
    for _ in range(10):
        for part in step(scheduler).rows:
            served[part.row.program] += 1
    assert served["small"] >= 8


def test_a_program_that_comes_late_gets_its_share_from_then_on_and_no_more() -> None:
    scheduler = Scheduler(config(max_batch_tokens=CANVAS))
    scheduler.add(row([1], program="early"))
    for _ in range(20):
        step(scheduler)
    scheduler.add(row([2], program="late"))
    order = [step(scheduler).rows[0].row.program for _ in range(10)]
    assert 4 <= order.count("late") <= 6


def test_places_are_shared_between_programs() -> None:
    scheduler = Scheduler(config(max_rows=4))
    for n in range(8):
        scheduler.add(row([n], program="large"))
    scheduler.add(row([100], program="small"))
    step(scheduler)
    assert "small" in {running.program for running in scheduler.running}


def test_a_row_waits_until_blocks_for_its_whole_reach_are_there() -> None:
    scheduler = Scheduler(config(cache_tokens=40))
    scheduler.add(first := row([1] * 10, max_kv_positions=30))
    scheduler.add(second := row([2] * 10, max_kv_positions=30))
    step(scheduler)
    assert (first.status, second.status) == (Status.RUNNING, Status.WAITING)
    scheduler.remove(first)
    step(scheduler)
    assert second.status is Status.RUNNING


def test_removed_rows_leave_nothing_behind() -> None:
    scheduler = Scheduler(config(max_rows=1))
    scheduler.add(running := row([1] * 9))
    scheduler.add(waiting := row([2] * 9))
    step(scheduler)
    for gone in (running, waiting, running):
        scheduler.remove(gone)
    assert scheduler.pool.counts()["used"] == 0
    assert not step(scheduler)


@given(st.data())
def test_rows_may_come_and_go_at_any_step_and_all_are_served(data: st.DataObject) -> None:
    scheduler = Scheduler(config(cache_tokens=120, max_batch_tokens=24, max_rows=4))
    rows: list[Row] = []
    for _ in range(data.draw(st.integers(1, 15))):
        if data.draw(st.booleans()):
            prompt = data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=30))
            rows.append(row(prompt, program=data.draw(st.sampled_from("ab"))))
            scheduler.add(rows[-1])
        batch = step(scheduler)
        assert batch or not (scheduler.waiting or scheduler.running)
        for part in batch.rows:
            if part.decode and data.draw(st.booleans()):
                scheduler.remove(part.row)
        if len(rows) > 0 and data.draw(st.booleans()):
            scheduler.remove(rows[data.draw(st.integers(0, len(rows) - 1))])
        scheduler.check_integrity()
    for _ in range(200):
        for part in step(scheduler).rows:
            if part.decode:
                scheduler.remove(part.row)
    assert all(done.status is Status.FINISHED for done in rows)
    assert scheduler.pool.counts()["used"] == 0
