"""Plots of a report: the distribution of latencies, and the speedup against the number of agents."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

from agentfast.cli.bench.experiment import AUTOREGRESSIVE, DIFFUSION, OUTSIDE
from agentfast.cli.bench.report.report import Report
from agentfast.errors import ConfigError

COLOURS = {DIFFUSION: "tab:blue", AUTOREGRESSIVE: "tab:orange", OUTSIDE: "tab:gray"}


def load_matplotlib() -> Any:
    """`matplotlib.figure`, which needs no display.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise ConfigError(
            "matplotlib, which draws the plots, is not installed", hint="pip install 'agentfast[bench]'"
        ) from error


def save_plots(report: Report, folder: Path) -> list[Path]:
    """Write latency.png and speedup.png.

    Raises:
        ConfigError: matplotlib is not installed, or the folder cannot be written to.
    """
    plots = {"latency.png": latency_plot(report), "speedup.png": speedup_plot(report)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in plots.items():
            figure.savefig(folder / name, dpi=120)
    except OSError as error:
        raise ConfigError(f"cannot write plots to {folder}: {error.strerror}") from error
    return [folder / name for name in plots]


def latency_plot(report: Report) -> Any:
    """Distribution of task latencies (ECDF) for each number of agents, all repeats together."""
    counts = report.concurrency
    figure = load_matplotlib().Figure(figsize=(3.2 * len(counts), 3.2), layout="constrained")
    panels = figure.subplots(1, len(counts), sharey=True, squeeze=False)[0]
    for panel, agents in zip(panels, counts, strict=True):
        for seat in (DIFFUSION, AUTOREGRESSIVE):
            seconds = [value for run in report.runs_of(seat, agents) for value in run.seconds]
            panel.ecdf(seconds, label=seat, color=COLOURS[seat])
        panel.set(xscale="log", title=f"{agents} agent{'s' * (agents > 1)}", xlabel="task latency, s")
        low, high = panel.get_xlim()
        panel.set_xticks(shown := ticks(low, high), [f"{tick:g}" for tick in shown])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("share of tasks")
    panels[0].legend(loc="lower right", fontsize="small")
    return figure


def speedup_plot(report: Report) -> Any:
    """The speedup with its range over the repeats, and its crossover with 1."""
    counts = report.concurrency
    spreads = [report.speedup(agents) for agents in counts]
    figure = load_matplotlib().Figure(figsize=(5.5, 3.6), layout="constrained")
    panel = figure.subplots()
    below = [spread.median - spread.low for spread in spreads]
    above = [spread.high - spread.median for spread in spreads]
    medians = [spread.median for spread in spreads]
    panel.errorbar(
        counts,
        medians,
        yerr=[below, above],
        marker="o",
        capsize=3,
        color=COLOURS[DIFFUSION],
        label="measured",
    )
    panel.axhline(1, color="black", linewidth=0.8)
    end = report.crossover()
    if end:
        panel.axvline(
            end, color="tab:red", linestyle="--", label=f"slower from about {math.ceil(end)} agents on"
        )
    panel.set(
        xscale="log", yscale="log", xlabel="agents at once", ylabel="autoregressive / diffusion latency"
    )
    panel.set_xticks(counts, [str(agents) for agents in counts])
    panel.minorticks_off()
    low, high = min(*medians, 1.0) / 2, 2 * max(*medians, 1.0)
    panel.set(ylim=(low, high))
    panel.set_yticks(shown := ticks(low, high), [f"{tick:g}x" for tick in shown])
    panel.set_title(f"Median task latency, {report.regime.hardware}", fontsize="small")
    panel.grid(alpha=0.3)
    panel.legend(fontsize="small")
    return figure


def ticks(low: float, high: float) -> list[float]:
    """Round numbers between two others, for a logarithmic axis; the range's ends if it holds none."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
    return [tick for tick in found if low <= tick <= high] or [low, high]
