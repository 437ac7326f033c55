"""The counter of a repeat: edges that raise it, and what its bound changes about ways to the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.graph import UNREACHABLE, distances, longest

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Counter:
    """Bound on the edges of one label that are taken.

    Attributes:
        label: the label; -1 for none.
        most: edges with it that may be taken, at least 1.
    """

    label: int = -1
    most: int = 1


NO_COUNTER: Final = Counter()


class CountedPaths:
    """Ways from each state of a graph to its last, if so many counted edges may be taken.

    Args:
        edge_start: [S + 1], where each state's edges begin; edge_target: [E]. From every state the last can be reached.
        is_counted: [E] the edges that count.
    """

    def __init__(self, edge_start: Ints, edge_target: Ints, is_counted: npt.NDArray[np.bool_]) -> None:
        self._size = len(edge_start) - 1
        source = np.repeat(np.arange(self._size, dtype=np.int32), np.diff(edge_start))
        self._counted = source[is_counted], edge_target[is_counted]
        self._plain = source[~is_counted], edge_target[~is_counted]
        self._longest: list[Ints] = []

    def never_need(self, distance: Ints) -> bool:
        """Test whether no shortest way to the end, [S] `distance` long, takes a counted edge behind another one."""
        (source, target), size = self._plain, self._size
        without = distances(target, source, size - 1, size)
        # A further state from which all counted edges' ends are reached.
        ends = np.unique(self._counted[1])
        entry = np.full_like(ends, size)
        steps = distances(np.append(source, entry), np.append(target, ends), size, size + 1)
        behind = steps[:size] < UNREACHABLE
        return bool((without[behind] == distance[behind]).all())

    def longest(self, left: int) -> Ints:
        """[S] most edges to the last state if `left` counted ones may be taken; UNREACHABLE: there is no end to it."""
        known = self._longest
        while len(known) <= left:
            if len(known) > 1 and np.array_equal(known[-1], known[-2]):
                return known[-1]
            known.append(longest(*self._plain, self._through_counted(known[-1] if known else None)))
        return known[left]

    def _through_counted(self, behind: Ints | None) -> Ints:
        """[S] most edges over a counted one that comes next, given those `behind` it; -1 where there is none."""
        found = np.full(self._size, -1, np.int32)
        if behind is not None:
            source, target = self._counted
            np.maximum.at(found, source, np.minimum(behind[target] + 1, UNREACHABLE))
        return found
