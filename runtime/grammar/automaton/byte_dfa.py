"""Byte DFAs, and their minimal construction from a step function."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError

S = TypeVar("S", bound=Hashable)

Move = tuple[int, int, int]
"""From the first to the last byte, both included, go to the state."""


T_co = TypeVar("T_co", covariant=True)


class Indexed(Protocol[T_co]):
    """Read access by index."""

    def __getitem__(self, index: int, /) -> T_co: ...


class ByteAutomaton(Protocol):
    """A deterministic automaton over bytes whose states, from 0, may be made as they are asked for; see `ByteDfa`."""

    @property
    def moves(self) -> Indexed[tuple[Move, ...]]: ...

    @property
    def accepting(self) -> Indexed[bool]: ...

    @property
    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class ByteDfa:
    """A deterministic automaton over bytes. State 0 is the start; every state can reach an accepting one.

    Attributes:
        moves: per state, disjoint byte ranges in rising order.
        accepting: per state, True if the bytes so far are a whole word.
    """

    moves: tuple[tuple[Move, ...], ...]
    accepting: tuple[bool, ...]
    digest: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        content = repr((self.moves, self.accepting)).encode()
        object.__setattr__(self, "digest", hashlib.sha256(content).digest())

    @property
    def is_empty(self) -> bool:
        """True if no word is accepted."""
        return not self.moves[0] and not self.accepting[0]

    def accepts(self, data: bytes) -> bool:
        """Test whether `data` is a word."""
        state = 0
        for byte in data:
            state = next((to for low, high, to in self.moves[state] if low <= byte <= high), -1)
            if state < 0:
                return False
        return self.accepting[state]


def build_byte_dfa(
    start: S, moves: Callable[[S], Iterable[tuple[int, int, S]]], accepting: Callable[[S], bool], limit: int
) -> ByteDfa:
    """The minimal DFA of a state space given by its moves (disjoint byte ranges), explored from `start`.

    Raises:
        GrammarError: more than `limit` states.
    """
    ids: dict[S, int] = {start: 0}
    order = [start]
    rows: list[list[Move]] = []
    for state in order:  # grows while it is read
        row: list[Move] = []
        for low, high, to in moves(state):
            if to not in ids:
                if len(ids) >= limit:
                    raise GrammarError(f"an automaton of more than {limit} states is needed")
                ids[to] = len(order)
                order.append(to)
            row.append((low, high, ids[to]))
        rows.append(row)
    return _minimal(rows, [accepting(state) for state in order])


def _minimal(rows: list[list[Move]], accepting: list[bool]) -> ByteDfa:
    """Merge states that no word tells apart (Moore 1956) and drop those that cannot reach acceptance."""
    table = np.full((len(rows) + 1, 256), len(rows), np.int32)  # the last state is the sink
    for state, row in enumerate(rows):
        for low, high, to in row:
            table[state, low : high + 1] = to
    # Bytes that no state tells apart need one column only.
    known: dict[bytes, int] = {}
    byte_class = np.array([known.setdefault(column.tobytes(), len(known)) for column in table.T], np.int64)
    columns = table[:, np.unique(byte_class, return_index=True)[1]]
    groups = np.array([*accepting, False], np.int64)
    count = len(np.unique(groups))
    while True:
        signature = np.concatenate([groups[:, None], groups[columns]], axis=1)
        groups = _row_ids(signature)
        if (found := int(groups.max()) + 1) == count:
            break
        count = found
    return _renumber(groups, columns, byte_class, np.array([*accepting, False]))


def _row_ids(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Number equal rows of non-negative integers alike, from 0: as the digits of one number, while it fits 64 bits."""
    base = int(rows.max()) + 1
    ids, count = np.zeros(len(rows), np.int64), 1
    for column in rows.T:
        if count * base >= 1 << 62:
            ids = np.unique(ids, return_inverse=True)[1].reshape(-1)
            count = int(ids.max()) + 1
        ids = ids * base + column
        count *= base
    return np.unique(ids, return_inverse=True)[1].reshape(-1)


def _renumber(
    groups: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int32],
    byte_class: npt.NDArray[np.int64],
    accepting: npt.NDArray[np.bool_],
) -> ByteDfa:
    """DFA over the groups, in breadth-first order from the start's."""
    sink = int(groups[-1])
    member = {int(group): state for state, group in reversed(list(enumerate(groups)))}
    ids = {int(groups[0]): 0}
    order = [int(groups[0])]
    moves: list[tuple[Move, ...]] = []
    cuts = [0, *(np.nonzero(np.diff(byte_class))[0] + 1).tolist(), 256]
    for group in order:  # grows while it is read
        row: list[Move] = []
        targets: list[int] = groups[columns[member[group]]][byte_class[cuts[:-1]]].tolist()
        for low, after, to in zip(cuts, cuts[1:], targets, strict=False):
            if to == sink:
                continue
            if to not in ids:
                ids[to] = len(order)
                order.append(to)
            if row and row[-1][1] == low - 1 and row[-1][2] == ids[to]:
                row[-1] = (row[-1][0], after - 1, ids[to])
            else:
                row.append((low, after - 1, ids[to]))
        moves.append(tuple(row))
    return ByteDfa(tuple(moves), tuple(bool(accepting[member[group]]) for group in order))
