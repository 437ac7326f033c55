"""The report for people: a table in the terminal with remarks."""

from __future__ import annotations

import math

from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

from agentfast.cli.bench.experiment import AUTOREGRESSIVE, DIFFUSION, OUTSIDE
from agentfast.cli.bench.report.report import Cell, Report
from agentfast.cli.bench.report.statistics import Spread

WIDTH = 200  # characters that the table takes; a narrower terminal wraps its lines
PROTOCOL = (
    "Closed loop: an agent takes the next task when it has finished one, and none stops before the last counted task is "
    "done. Seats take turns on the same tasks; each run has a new engine with an empty prefix cache (a server keeps its "
    "own)."
)
COMPUTE_BOUND = (
    "A small CPU is compute-bound as soon as the batch grows: a denoising step computes a whole canvas where an "
    "autoregressive step computes a token, so what diffusion gains from few steps at few agents it loses to arithmetic "
    "at many. These figures say nothing of a GPU."
)
BUSY = "Others used the machine when this began: these are not the figures of a quiet machine."
COLUMNS = (
    "agents",
    "seat",
    "right",
    "p50 s",
    "p95 s",
    "p99 s",
    "s/solved",
    "calls/task",
    "steps/call",
    "tok/fwd",
    "in calls",
    "in text",
    "tok/s",
    "busy",
    "speedup",
)


def show(report: Report, console: Console | None = None) -> None:
    """Print the report; the table is Markdown."""
    console = console or Console()
    if console.width < WIDTH:
        console.width = WIDTH
    table = Table(
        *COLUMNS, box=MARKDOWN, title="Agents on held-out tasks: medians of the repeats [lowest..highest]"
    )
    for cell in report.cells:
        table.add_row(*row(report, cell))
    console.print(table)
    for remark in remarks(report):
        console.print(remark, highlight=False, markup=False)


def row(report: Report, cell: Cell) -> list[str]:
    """A line of the table."""
    speedup = brief(report.speedup(cell.agents)) + "x" if cell.seat == DIFFUSION else ""
    return [
        str(cell.agents),
        cell.seat,
        f"{cell.right}/{cell.tasks}",
        brief(cell.p50_s),
        number(cell.p95_s.median),
        number(cell.p99_s.median),
        "" if cell.seconds_per_solved is None else number(cell.seconds_per_solved.median),
        number(cell.turns_per_task),
        if_known(cell.steps_per_turn),
        "" if cell.tokens_per_forward is None else number(cell.tokens_per_forward.median),
        if_known(cell.call_tokens_per_forward),
        if_known(cell.text_tokens_per_forward),
        "" if cell.tokens_per_s is None else number(cell.tokens_per_s.median),
        "" if cell.busy_share is None else f"{cell.busy_share.median:.0%}",
        speedup,
    ]


def brief(spread: Spread) -> str:
    """Median and range."""
    if spread.low == spread.high:
        return number(spread.median)
    return f"{number(spread.median)} [{number(spread.low)}..{number(spread.high)}]"


def if_known(value: float | None) -> str:
    """A number, or nothing."""
    return "" if value is None else number(value)


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.0f}" if 100 <= value < float("inf") else f"{value:.3g}"


def remarks(report: Report) -> list[str]:
    """The method of measurement, and the number of agents at which diffusion stops winning."""
    regime = report.regime
    found = [
        regime.text() + ".",
        f"diffusion: {report.seats[DIFFUSION]}; autoregressive: {report.seats[AUTOREGRESSIVE]}. {PROTOCOL}",
        outside_remark(report),
        winning_remark(report),
    ]
    if regime.on_cpu:
        found.append(COMPUTE_BOUND)
    if regime.busy:
        found.append(BUSY)
    return found


def outside_remark(report: Report) -> str:
    """The outside baseline's latencies, or the reason for its absence."""
    if not report.runs_of(OUTSIDE, 1):
        return f"No outside baseline: {report.outside}."
    waits = ", ".join(
        f"{number(found.median)} s at {agents}"
        for agents in report.concurrency
        if (found := report.outside_p50(agents)) is not None
    )
    return (
        f"Outside baseline: {report.outside}. It serves one task at a time, so its latency at more agents is computed "
        f"from its service times: {waits} (median)."
    )


def winning_remark(report: Report) -> str:
    """The number of agents from which on diffusion loses."""
    at = report.crossover()
    most = report.concurrency[-1]
    if at is None:
        return f"At {most} agents, the most that were measured, diffusion is not the slower one."
    if at == 0:
        return "Diffusion is the slower one at every number of agents that was measured."
    return f"Diffusion is the slower one from about {math.ceil(at)} agents on."
