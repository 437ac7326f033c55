"""Statistics of a benchmark: medians with their spread, and the end of a speedup."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over repeats: its median, and the lowest and highest value beside it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread over one value at least."""
        found = sorted(values)
        return cls(statistics.median(found), found[0], found[-1])

    @classmethod
    def of_any(cls, values: Iterable[float]) -> Spread | None:
        """The spread, None over no value."""
        found = list(values)
        return cls.of(found) if found else None


def paired_ratios(numerators: Mapping[int, float], denominators: Mapping[int, float]) -> list[float]:
    """Ratios within each repeat that has both: a disturbance of a whole repeat cancels out."""
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
    """A value rounded to significant digits, so that microseconds and minutes are both legible in a report."""
    return None if value is None else float(f"{value:.{digits}g}")


def queued_latencies(services: Sequence[float], agents: int) -> list[float]:
    """Latencies in a closed loop on a server that does one task at a time, in the order of arrival.

    An agent's task then waits for those of all others, which came before it: its latency is the sum of its own service
    and the `agents` - 1 before it. The services, in seconds, are taken as a circle.
    """
    total, count = sum(services), len(services)
    rounds, rest = divmod(agents, count)
    return [
        rounds * total + sum(services[(index - back) % count] for back in range(rest))
        for index in range(count)
    ]
