"""Lazy DFAs over code points, for those with very many states."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from threading import RLock
from typing import Generic, TypeVar

from agentfast.runtime.grammar.codepoints.automaton import States, both_rows
from agentfast.runtime.grammar.codepoints.length_sets import LengthSet, combine, complement_of
from agentfast.runtime.grammar.codepoints.minimize import Row

S = TypeVar("S", bound=Hashable)


class LazyAutomaton(Generic[S]):
    """A state space with its states numbered as they are met; see `States`."""

    def __init__(
        self,
        start: S,
        row_of: Callable[[S], Sequence[tuple[int, S]]],
        lengths_of: Callable[[S], LengthSet],
        last_change: int = 0,
    ) -> None:
        self.last_change = last_change
        self._row_of = row_of
        self._lengths_of = lengths_of
        self._states = [start]
        self._ids = {start: 0}
        self._rows: dict[int, Row] = {}
        self._lock = RLock()

    def row(self, state: int) -> Row:
        found = self._rows.get(state)
        if found is None:
            with self._lock:
                found = tuple((first, self._intern(to)) for first, to in self._row_of(self._states[state]))
                self._rows[state] = found
        return found

    def lengths_at(self, state: int) -> LengthSet:
        return self._lengths_of(self._states[state])

    def _intern(self, state: S) -> int:
        found = self._ids.setdefault(state, len(self._states))
        if found == len(self._states):
            self._states.append(state)
        return found


def lazy_product(left: States, right: States, keep: Callable[[bool, bool], bool]) -> States:
    """The texts for which `keep` says so of (in left, in right)."""
    return LazyAutomaton[tuple[int, int]](
        (0, 0),
        lambda pair: both_rows(left.row(pair[0]), right.row(pair[1])),
        lambda pair: combine(left.lengths_at(pair[0]), right.lengths_at(pair[1]), keep),
        max(left.last_change, right.last_change),
    )


def lazy_complement(states: States) -> States:
    """The texts that are not accepted."""
    return LazyAutomaton(
        0, states.row, lambda state: complement_of(states.lengths_at(state)), states.last_change
    )
