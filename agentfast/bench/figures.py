"""Statistics of a benchmark: percentiles, medians with their spread, and where a speedup ends."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from agentfast.demo.report import percentile

__all__ = ["Spread", "crossover", "paired_ratios", "percentile", "rounded"]


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over repeats: its median, and the lowest and highest value beside it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread | None:
        """Over at least one value; None for none."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1]) if found else None

    @classmethod
    def over(
        cls, repeats: Sequence[Sequence[float]], figure: Callable[[Sequence[float]], float]
    ) -> Spread | None:
        """Of a figure of each repeat's values; repeats without values are left out."""
        return cls.of(figure(values) for values in repeats if values)


def paired_ratios(numerators: Mapping[int, float], denominators: Mapping[int, float]) -> list[float]:
    """Ratios within each repeat that has both: what disturbed a repeat as a whole cancels out."""
    both = sorted(numerators.keys() & denominators.keys())
    return [numerators[repeat] / denominators[repeat] for repeat in both if denominators[repeat] > 0]


def crossover(speedups: Mapping[int, float]) -> float | None:
    """The number of agents from which on a speedup is below 1, read off a line between the measured points.

    The line is straight over the logarithms of both axes. Before the last point that is at least 1 it does not
    matter what was measured.

    Returns:
        None: the speedup is at least 1 at the most agents that were measured; 0: it is nowhere.
    """
    points = sorted(speedups.items())
    if not points or points[-1][1] >= 1:
        return None
    winning = [index for index, (_, speedup) in enumerate(points) if speedup >= 1]
    if not winning:
        return 0.0
    (agents, speedup), (more, less) = points[winning[-1]], points[winning[-1] + 1]
    share = math.log(speedup) / (math.log(speedup) - math.log(less))
    return float(agents * (more / agents) ** share)


def rounded(value: float | None, digits: int = 4) -> float | None:
    """To significant digits, so that microseconds and minutes are both legible in a report."""
    return None if value is None else float(f"{value:.{digits}g}")
