"""Figures of several repeats: medians, spread, and the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

FIGURES: Mapping[str, str] = {
    "cpu_ms_per_step": "CPU ms per step, 3 steps",
    "cpu_ms_per_step_31": "CPU ms per step, 31 steps",
    "cpu_ms_per_parallel_call": "CPU ms per call, 50 in a turn",
    "steps_per_s_tick20": "steps/s, batches of 20 ms",
    "import_s": "import, s",
    "ready_s": "import and make an agent, s",
}


@dataclass(frozen=True)
class Figure:
    """A measure over the repeats."""

    median: float
    least: float
    most: float

    @staticmethod
    def of(values: Sequence[float]) -> Figure:
        """Of one value per repeat."""
        return Figure(median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{_digits(self.median)} ({_digits(self.least)}-{_digits(self.most)})"


def summed_up(repeats: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    """The figures of a framework, of what each repeat measured."""
    return {name: Figure.of([repeat[name] for repeat in repeats]) for name in repeats[0]}


def table(figures: Mapping[str, Mapping[str, Figure]]) -> str:
    """A Markdown table: a column for each framework, medians with the least and the most."""
    lines = ["| median (range) | " + " | ".join(figures) + " |", "|---" * (len(figures) + 1) + "|"]
    lines += [
        f"| {title} | " + " | ".join(str(columns[name]) for columns in figures.values()) + " |"
        for name, title in FIGURES.items()
    ]
    return "\n".join(lines)


def medians(figures: Mapping[str, Figure]) -> dict[str, float]:
    """The medians alone, for JSON."""
    return {name: float(f"{figure.median:.4g}") for name, figure in figures.items()}


def _digits(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"
