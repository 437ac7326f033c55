"""What a benchmark's records come to."""

from __future__ import annotations

import dataclasses
import json
from io import StringIO

from rich.console import Console

from agentfast.cli.bench.attempts import TaskRecord
from agentfast.cli.bench.experiment import AUTOREGRESSIVE, DIFFUSION, OUTSIDE, EngineFigures, Plan, RunRecord
from agentfast.cli.bench.report.plots import ticks
from agentfast.cli.bench.report.regime import Regime
from agentfast.cli.bench.report.report import Report
from agentfast.cli.bench.report.table import BUSY, COMPUTE_BOUND, remarks, show
from agentfast.cli.bench.seats import Placement

REGIME = dataclasses.replace(Regime.now(Plan(), Placement()), load=0.0, cores=2)


def task(seconds: float, *, right: bool = True, steps: int = 0, invalid: int = 0) -> TaskRecord:
    return TaskRecord(
        "single", right, seconds, 2, 1, invalid, 20, steps, call_tokens=12, call_steps=steps // 2
    )


def run(seat: str, agents: int, repeat: int, *tasks: TaskRecord) -> RunRecord:
    engine = EngineFigures(0.5, 4.0, 2.0, 0.75, 100.0) if seat != OUTSIDE else None
    return RunRecord(seat, agents, repeat, 10.0, tasks, engine)


def report(*runs: RunRecord) -> Report:
    return Report(REGIME, {DIFFUSION: "d (diffusion)", AUTOREGRESSIVE: "a (autoregressive)"}, "a loop", runs)


BOTH = (
    run(DIFFUSION, 1, 0, task(1, steps=5), task(3, steps=5, right=False)),
    run(AUTOREGRESSIVE, 1, 0, task(4, steps=20), task(8, steps=20)),
    run(DIFFUSION, 4, 0, task(4, steps=5), task(4, steps=5)),
    run(AUTOREGRESSIVE, 4, 0, task(2, steps=20), task(3, steps=20)),
    run(OUTSIDE, 1, 0, task(5), task(7)),
    run(DIFFUSION, 1, 1, task(2, steps=5), task(2, steps=5)),
    run(AUTOREGRESSIVE, 1, 1, task(6, steps=20), task(8, steps=20)),
    run(DIFFUSION, 4, 1, task(4, steps=5), task(4, steps=5)),
    run(AUTOREGRESSIVE, 4, 1, task(2, steps=20), task(3, steps=20, invalid=1)),
    run(OUTSIDE, 1, 1, task(5, invalid=1), task(7)),
)


def test_the_line_has_the_promised_shape_and_figures() -> None:
    line = json.loads(json.dumps(report(*BOTH).line()))
    assert line == {
        "concurrency": {
            "1": {"diffusion_p50_s": 1.5, "ar_p50_s": 5.0, "speedup": 3.5, "outside_p50_s": 5.0},
            "4": {"diffusion_p50_s": 4.0, "ar_p50_s": 2.0, "speedup": 0.5, "outside_p50_s": 24.0},
        },
        "success_diffusion": 0.875,
        "success_ar": 1.0,
        "tokens_per_forward": 4.0,
        "tokens_per_forward_calls": 6.0,
        "tokens_per_forward_text": 2.667,
        "steps_per_call": 2.5,
        "invalid_calls": 1,
    }


def test_a_cell_is_over_all_repeats() -> None:
    cell = report(*BOTH).cell(DIFFUSION, 1)
    assert (cell.tasks, cell.right, cell.failed) == (4, 3, 0)
    assert (cell.p50_s.median, cell.p50_s.low, cell.p50_s.high) == (1.5, 1, 2)
    assert cell.seconds_per_solved is not None
    assert (cell.seconds_per_solved.low, cell.seconds_per_solved.high) == (2, 4)
    assert cell.busy_share is not None
    assert cell.busy_share.median == 0.5


def test_success_is_told_by_kind_of_task() -> None:
    chain = dataclasses.replace(task(1, right=False), kind="chain")
    kinds = report(run(DIFFUSION, 1, 0, task(1), task(1, right=False), chain), *BOTH[1:2]).document()[
        "success"
    ]
    assert kinds == {DIFFUSION: {"chain": 0.0, "single": 0.5}, AUTOREGRESSIVE: {"single": 1.0}}


def test_the_document_is_json_even_where_nothing_was_solved_and_no_engine_was_ours() -> None:
    wrong = [
        dataclasses.replace(run(seat, 1, 0, task(1, right=False)), engine=None)
        for seat in (DIFFUSION, AUTOREGRESSIVE)
    ]
    document = json.loads(json.dumps(report(*wrong).document(), allow_nan=False))
    assert document["cells"][0]["seconds_per_solved"] is None
    assert document["figures"]["concurrency"]["1"]["outside_p50_s"] is None
    assert document["figures"]["tokens_per_forward"] is None
    assert document["cells"][0]["tokens_per_s"]["median"] == 2.0


def test_the_table_has_a_line_for_each_cell_and_says_where_diffusion_loses() -> None:
    console = Console(record=True, width=200, file=StringIO())
    show(report(*BOTH), console)
    text = console.export_text()
    assert sum("diffusion  " in line for line in text.splitlines()) == 2
    assert "3.5 [3..4]x" in text
    assert "slower one from about 3 agents on" in text
    assert "5 s at 1, 24 s at 4" in text
    assert COMPUTE_BOUND in remarks(report(*BOTH))


def test_what_was_not_measured_is_said() -> None:
    assert "No outside baseline: a loop." in remarks(report(*BOTH[:4]))
    assert BUSY not in remarks(report(*BOTH))
    busy = Report(
        dataclasses.replace(REGIME, load=2.0, device="cuda"), {DIFFUSION: "", AUTOREGRESSIVE: ""}, "", BOTH
    )
    assert BUSY in remarks(busy)
    assert COMPUTE_BOUND not in remarks(busy)


def test_who_wins_or_loses_everywhere_is_said() -> None:
    assert any("not the slower one" in remark for remark in remarks(report(*BOTH[:2])))
    assert any("slower one at every" in remark for remark in remarks(report(*BOTH[2:4])))


def test_ticks_are_round_and_within_the_axis() -> None:
    assert ticks(0.15, 6) == [0.2, 0.5, 1, 2, 5]
    assert ticks(3, 4) == [3, 4]
