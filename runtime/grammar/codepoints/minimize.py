"""Minimisation of automata by partition refinement."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence

Row = tuple[tuple[int, int], ...]
"""Moves of one state, as (first symbol, state after): each reaches to the next one's first symbol."""


def equivalent(rows: Sequence[Row], colours: Sequence[Hashable]) -> list[int]:
    """Number the states so that two have the same number just when they have the same colours after every word.

    Refinement after Hopcroft (1971): of a group that splits, the largest part keeps its number, and only states that
    lead into the others are looked at again.
    """
    return _Refinement(rows, colours).run()


def merged(row: Row, names: Sequence[int]) -> Row:
    """The row with its states renamed, neighbours that became alike joined."""
    result: list[tuple[int, int]] = []
    for first, to in row:
        if not result or result[-1][1] != names[to]:
            result.append((first, names[to]))
    return tuple(result)


class _Refinement:
    def __init__(self, rows: Sequence[Row], colours: Sequence[Hashable]) -> None:
        self._rows = rows
        self._sources: list[list[int]] = [[] for _ in rows]
        for state, row in enumerate(rows):
            for to in {to for _, to in row}:
                self._sources[to].append(state)
        self._groups = _gathered(range(len(rows)), lambda state: colours[state])
        self._group = [0] * len(rows)
        for index, members in enumerate(self._groups):
            for state in members:
                self._group[state] = index
        # States of a group that are not pending have equal rows over groups.
        self._pending = {index: set(members) for index, members in enumerate(self._groups)}

    def run(self) -> list[int]:
        while self._pending:
            index, changed = self._pending.popitem()
            parts = _gathered(changed, lambda state: merged(self._rows[state], self._group))
            if untouched := self._groups[index] - changed:
                parts.append(untouched)
            largest = max(parts, key=len, default=None)
            for part in parts:
                if part is not largest:
                    self._move(part, index)
        return self._group

    def _move(self, part: set[int], index: int) -> None:
        """Give a part of a group its own number."""
        fresh = len(self._groups)
        self._groups.append(part)
        self._groups[index] -= part
        for state in part:
            self._group[state] = fresh
        if moved := self._pending.get(index, set()) & part:
            self._pending[index] -= moved
            self._pending[fresh] = moved
        for state in part:
            for source in self._sources[state]:
                self._pending.setdefault(self._group[source], set()).add(source)


def _gathered(states: Iterable[int], key: Callable[[int], Hashable]) -> list[set[int]]:
    parts: dict[Hashable, set[int]] = {}
    for state in states:
        parts.setdefault(key(state), set()).add(state)
    return list(parts.values())
