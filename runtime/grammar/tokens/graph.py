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


def longest(source: Ints, target: Ints, least: Ints) -> Ints:
    """[S] most edges from each state to the last one; UNREACHABLE: there is no end to it.

    Args:
        source, target: [E] the edges; those of the last state do not count.
        least: [S] edges that another way from each state has, which is no part of the graph; -1 for none.
    """
    last = len(least) - 1
    inner = source != last
    source, target = source[inner], target[inner]
    leaving = np.bincount(source, minlength=last + 1)
    order = np.argsort(target, kind="stable")
    return _peel(starts_of(target[order], last + 1), source[order], leaving, least)


@kernel
def _peel(start: Longs, source: Ints, leaving: Longs, least: Ints) -> Ints:
    """States in order of their longest way, the last one first; those on or before a cycle are never reached."""
    count = len(start) - 1
    most = np.empty(count, np.int32)
    result = np.full(count, UNREACHABLE, np.int32)
    queue = np.empty(count, np.int64)
    tail = 0
    for state in range(count):
        most[state] = max(least[state], 0)
        if leaving[state] == 0 and (state == count - 1 or 0 <= least[state] < UNREACHABLE):
            queue[tail] = state
            tail += 1
    head = 0
    while head < tail:
        state = queue[head]
        head += 1
        result[state] = most[state]
        for edge in range(start[state], start[state + 1]):
            before = source[edge]
            most[before] = max(most[before], most[state] + 1)
            leaving[before] -= 1
            if leaving[before] == 0 and least[before] < UNREACHABLE:
                queue[tail] = before
                tail += 1
    return result
