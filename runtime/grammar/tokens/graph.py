"""Shortest and longest paths over edge arrays."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.kernel import kernel

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


def longest(edge_start: Ints, edge_target: Ints) -> Ints:
    """[S] most edges from each state to the last one, whose own edges do not count; UNREACHABLE: there is no end to it.

    Args:
        edge_start: [S + 1], where each state's edges begin; edge_target: [E]. From every state the last can be reached.
    """
    last = len(edge_start) - 2
    leaving = np.diff(edge_start)
    source = np.repeat(np.arange(last, dtype=np.int32), leaving[:last])
    target = edge_target[: edge_start[last]]
    order = np.argsort(target, kind="stable")
    return _peel(starts_of(target[order], last + 1), source[order], leaving.astype(np.int64))


@kernel
def _peel(start: Longs, source: Ints, leaving: Longs) -> Ints:
    """States in order of their longest way, the last one first; those on or before a cycle are never reached."""
    count = len(start) - 1
    most = np.zeros(count, np.int32)
    result = np.full(count, UNREACHABLE, np.int32)
    queue = np.empty(count, np.int64)
    queue[0] = count - 1
    head, tail = 0, 1
    while head < tail:
        state = queue[head]
        head += 1
        result[state] = most[state]
        for edge in range(start[state], start[state + 1]):
            before = source[edge]
            most[before] = max(most[before], most[state] + 1)
            leaving[before] -= 1
            if leaving[before] == 0:
                queue[tail] = before
                tail += 1
    return result
