"""Breadth-first search over edge arrays."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

UNREACHABLE: Final = 1 << 30
"""Distance where there is no path."""


def distances(source: Ints, target: Ints, start: int, count: int) -> Ints:
    """[count] fewest edges from `start` to each state."""
    order = np.argsort(source, kind="stable")
    return _search(starts_of(source[order], count), target[order], start)


def starts_of(rising: Ints, count: int) -> Longs:
    """[count + 1] where each value 0..count-1 begins in a rising array."""
    return np.searchsorted(rising, np.arange(count + 1)).astype(np.int64)


@kernel
def _search(edge_start: Longs, edge_target: Ints, start: int) -> Ints:
    count = len(edge_start) - 1
    distance = np.full(count, UNREACHABLE, np.int32)
    queue = np.empty(count, np.int64)
    queue[0] = start
    distance[start] = 0
    head, tail = 0, 1
    while head < tail:
        state = queue[head]
        head += 1
        for edge in range(edge_start[state], edge_start[state + 1]):
            after = edge_target[edge]
            if distance[after] == UNREACHABLE:
                distance[after] = distance[state] + 1
                queue[tail] = after
                tail += 1
    return distance
