"""The report of a benchmark: figures of each cell over its repeats, the JSON report, the JSON line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from agentfast.cli.bench.attempts import TaskRecord
from agentfast.cli.bench.experiment import AUTOREGRESSIVE, DIFFUSION, OUTSIDE, EngineFigures, RunRecord
from agentfast.cli.bench.report.regime import Regime
from agentfast.cli.bench.report.statistics import (
    Spread,
    crossover,
    paired_ratios,
    queued_latencies,
    rounded,
)
from agentfast.cli.statistics import percentile


@dataclass(frozen=True, slots=True)
class Cell:
    """Figures of one seat at one concurrency over the repeats. A spread is None where the seat gives no such figure.

    Attributes:
        tasks, right, failed: over all repeats; `failed` runs ended with an error and are not right either.
        invalid_calls: see `TaskRecord`.
        p50_s, p95_s, p99_s: task latency; of fewer than 100 tasks the last is the longest.
        seconds_per_solved: the latencies of all tasks, over the number of right ones; None if none is.
        turns_per_task: calls of the model.
        steps_per_turn: decoding steps, which are denoising steps of a diffusion model.
        call_tokens_per_forward, text_tokens_per_forward: of turns that call tools, and of those that are text.
        tokens_per_forward, tokens_per_s, busy_share, mean_batch_rows, cache_hit_rate: see `EngineFigures`.
    """

    seat: str
    agents: int
    tasks: int
    right: int
    failed: int
    invalid_calls: int
    p50_s: Spread
    p95_s: Spread
    p99_s: Spread
    seconds_per_solved: Spread | None
    turns_per_task: float
    steps_per_turn: float | None
    call_tokens_per_forward: float | None
    text_tokens_per_forward: float | None
    tokens_per_s: Spread | None
    tokens_per_forward: Spread | None = None
    busy_share: Spread | None = None
    mean_batch_rows: Spread | None = None
    cache_hit_rate: Spread | None = None

    @classmethod
    def of(cls, runs: Sequence[RunRecord]) -> Cell:
        """Sum up the repeats of one seat at one concurrency."""
        tasks = [task for run in runs for task in run.tasks]
        steps = sum(map(_steps, tasks))
        turns = sum(map(_turns, tasks))

        def latency(percent: float) -> Spread:
            return Spread.of(percentile(run.seconds, percent) for run in runs)

        def engine(figure: Callable[[EngineFigures], float]) -> Spread | None:
            return Spread.of_any(figure(run.engine) for run in runs if run.engine is not None)

        return cls(
            seat=runs[0].seat,
            agents=runs[0].agents,
            tasks=len(tasks),
            right=sum(task.right for task in tasks),
            failed=sum(task.error != "" for task in tasks),
            invalid_calls=sum(task.invalid_calls for task in tasks),
            p50_s=latency(50),
            p95_s=latency(95),
            p99_s=latency(99),
            seconds_per_solved=Spread.of_any(
                sum(run.seconds) / right for run in runs if (right := sum(task.right for task in run.tasks))
            ),
            turns_per_task=turns / len(tasks),
            steps_per_turn=steps / turns if steps and turns else None,
            call_tokens_per_forward=_ratio(
                tasks, lambda task: task.call_tokens, lambda task: task.call_steps
            ),
            text_tokens_per_forward=_ratio(
                tasks, lambda task: task.text_tokens, lambda task: task.text_steps
            ),
            tokens_per_s=Spread.of(tokens_per_s(run) for run in runs),
            tokens_per_forward=engine(lambda found: found.tokens_per_forward),
            busy_share=engine(lambda found: found.busy_share),
            mean_batch_rows=engine(lambda found: found.mean_batch_rows),
            cache_hit_rate=engine(lambda found: found.cache_hit_rate),
        )


def tokens_per_s(run: RunRecord) -> float:
    """Generated tokens per second, by the engine's count if there is one."""
    if run.engine is not None:
        return run.engine.tokens_per_s
    return sum(task.generated_tokens for task in run.tasks) / run.wall_s


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report.

    Attributes:
        outside: description of the outside baseline, or the reason for its absence.
        runs: of both seats, and of the outside baseline if it ran.
    """

    regime: Regime
    seats: dict[str, str]
    outside: str
    runs: Sequence[RunRecord]
    cells: Sequence[Cell] = field(init=False)

    def __post_init__(self) -> None:
        keys = dict.fromkeys((run.agents, run.seat) for run in self.runs)
        cells = [Cell.of(self.runs_of(seat, agents)) for agents, seat in sorted(keys, key=_order)]
        object.__setattr__(self, "cells", cells)

    @property
    def concurrency(self) -> list[int]:
        """The numbers of agents."""
        return sorted({run.agents for run in self.runs if run.seat != OUTSIDE})

    def runs_of(self, seat: str, agents: int) -> list[RunRecord]:
        """The repeats of a cell."""
        return [run for run in self.runs if (run.seat, run.agents) == (seat, agents)]

    def cell(self, seat: str, agents: int) -> Cell:
        """The figures of a seat at a concurrency."""
        return next(cell for cell in self.cells if (cell.seat, cell.agents) == (seat, agents))

    def speedup(self, agents: int) -> Spread:
        """The autoregressive median latency over the diffusion one, within each repeat."""
        times = {
            seat: {run.repeat: percentile(run.seconds, 50) for run in self.runs_of(seat, agents)}
            for seat in (AUTOREGRESSIVE, DIFFUSION)
        }
        return Spread.of(paired_ratios(times[AUTOREGRESSIVE], times[DIFFUSION]))

    def outside_p50(self, agents: int) -> Spread | None:
        """The outside baseline's median latency, from its service times: it serves one task at a time."""
        runs = self.runs_of(OUTSIDE, 1)
        return Spread.of_any(percentile(queued_latencies(run.seconds, agents), 50) for run in runs)

    def crossover(self) -> float | None:
        """The number of agents from which on diffusion is the slower one; see `crossover`."""
        return crossover({agents: self.speedup(agents).median for agents in self.concurrency})

    def line(self) -> dict[str, Any]:
        """The last line of `agentfast bench --json`. `success` and the rest are over all concurrencies."""
        tasks = self._tasks(DIFFUSION)

        def per(above: Count, below: Count) -> float | None:
            return rounded(_ratio(tasks, above, below))

        return {
            "concurrency": {str(agents): self._entry(agents) for agents in self.concurrency},
            "success_diffusion": _share(self._tasks(DIFFUSION)),
            "success_ar": _share(self._tasks(AUTOREGRESSIVE)),
            "tokens_per_forward": per(lambda task: task.generated_tokens, _steps),
            "tokens_per_forward_calls": per(lambda task: task.call_tokens, lambda task: task.call_steps),
            "tokens_per_forward_text": per(lambda task: task.text_tokens, lambda task: task.text_steps),
            "steps_per_call": per(_steps, _turns),
            "invalid_calls": sum(cell.invalid_calls for cell in self.cells if cell.seat != OUTSIDE),
        }

    def document(self) -> dict[str, Any]:
        """The whole report as a JSON value."""
        return {
            "regime": asdict(self.regime),
            "repeats": len({run.repeat for run in self.runs}),
            "seats": self.seats,
            "outside": self.outside,
            "figures": self.line(),
            "success": {seat: self._by_kind(seat) for seat in dict.fromkeys(run.seat for run in self.runs)},
            "speedup": {str(agents): asdict(self.speedup(agents)) for agents in self.concurrency},
            "crossover_agents": self.crossover(),
            "cells": [asdict(cell) for cell in self.cells],
            "runs": [asdict(run) for run in self.runs],
        }

    def _entry(self, agents: int) -> dict[str, float | None]:
        outside = self.outside_p50(agents)
        return {
            "diffusion_p50_s": rounded(self.cell(DIFFUSION, agents).p50_s.median),
            "ar_p50_s": rounded(self.cell(AUTOREGRESSIVE, agents).p50_s.median),
            "speedup": rounded(self.speedup(agents).median),
            "outside_p50_s": None if outside is None else rounded(outside.median),
        }

    def _tasks(self, seat: str) -> list[TaskRecord]:
        return [task for run in self.runs if run.seat == seat for task in run.tasks]

    def _by_kind(self, seat: str) -> dict[str, float]:
        """Share of right tasks by kind, over all numbers of agents."""
        tasks = self._tasks(seat)
        kinds = sorted({task.kind for task in tasks})
        return {kind: _share(task for task in tasks if task.kind == kind) for kind in kinds}


Count = Callable[[TaskRecord], int]


def _steps(task: TaskRecord) -> int:
    return task.decoding_steps


def _turns(task: TaskRecord) -> int:
    return task.turns


def _ratio(tasks: Sequence[TaskRecord], above: Count, below: Count) -> float | None:
    """A ratio of sums; None if there is nothing below."""
    count = sum(map(below, tasks))
    return sum(map(above, tasks)) / count if count else None


def _share(tasks: Iterable[TaskRecord]) -> float:
    rights = [task.right for task in tasks]
    return round(sum(rights) / len(rights), 4)


def _order(key: tuple[int, str]) -> tuple[int, int]:
    return key[0], (DIFFUSION, AUTOREGRESSIVE, OUTSIDE).index(key[1])
