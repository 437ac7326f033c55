"""DFAs over code points, with intersection, union and complement.

A state says for which lengths of the text it accepts, so that a limit on the length costs one number instead of a
state for every count. Automata are complete; surrogates, which are no characters, may lead anywhere.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final, Protocol, TypeVar

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.codepoints.length_sets import (
    EVERY_LENGTH,
    NO_LENGTH,
    LengthSet,
    between,
    combine,
    complement_of,
    holds,
    simplified,
)
from agentfast.runtime.grammar.codepoints.minimize import Row, equivalent, merged
from agentfast.runtime.grammar.codepoints.sets import ALL, LAST, intersect

S = TypeVar("S", bound=Hashable)

MAX_STATES: Final = 20_000
"""States that one automaton may take before minimisation."""


def state_in(row: Sequence[tuple[int, S]], code: int) -> S:
    """State after a code point."""
    return row[bisect_right(row, code, key=_first) - 1][1]


def _first(move: tuple[int, object]) -> int:
    return move[0]


class States(Protocol):
    """A complete deterministic automaton over code points: states are numbers, 0 is the start."""

    @property
    def last_change(self) -> int:
        """Length from which on no state accepts differently."""
        ...

    def row(self, state: int) -> Row:
        """The moves of a state as (first code point, state after), from code point 0 on."""
        ...

    def lengths_at(self, state: int) -> LengthSet:
        """The lengths of text, in code points, that a state accepts."""
        ...


@dataclass(frozen=True, eq=False)
class CodepointAutomaton:
    """A complete automaton; state 0 is the start, and no two states accept the same.

    Attributes:
        rows: per state, its moves as (first code point, state after), from code point 0 on.
        lengths: per state, the lengths of text, in code points, that it accepts.
    """

    rows: tuple[Row, ...]
    lengths: tuple[LengthSet, ...]

    @cached_property
    def digest(self) -> bytes:
        """Identifies the content."""
        return hashlib.sha256(repr((self.rows, self.lengths)).encode()).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodepointAutomaton) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def last_change(self) -> int:
        """Length from which on no state accepts differently."""
        return max((cut for lengths in self.lengths for cut in lengths), default=0)

    def row(self, state: int) -> Row:
        """The moves of a state."""
        return self.rows[state]

    def lengths_at(self, state: int) -> LengthSet:
        """The lengths that a state accepts."""
        return self.lengths[state]

    def step(self, state: int, code: int) -> int:
        """The state after a code point."""
        return state_in(self.rows[state], code)

    def ranges(self, state: int) -> list[tuple[int, int, int]]:
        """Moves as (first code point, last code point, state after), surrogates left out."""
        row = self.rows[state]
        ends = [first - 1 for first, _ in row[1:]]
        result: list[tuple[int, int, int]] = []
        for (low, to), high in zip(row, [*ends, LAST], strict=True):
            result += [(a, b, to) for a, b in intersect(((low, high),), ALL)]
        return result

    def is_final(self, state: int) -> bool:
        """Test whether nothing leads out of the state."""
        return self.rows[state] == ((0, state),)

    def is_dead(self, state: int) -> bool:
        """Test whether the state accepts nothing, whatever follows."""
        return self.lengths[state] == NO_LENGTH and self.is_final(state)

    def is_universal(self, state: int) -> bool:
        """Test whether the state accepts everything, whatever follows."""
        return self.lengths[state] == EVERY_LENGTH and self.is_final(state)

    @cached_property
    def limits(self) -> tuple[int, int | None] | None:
        """The shortest and longest length, where one limit on all texts says as much as those of the states."""
        accepting = [(lengths, state) for state, lengths in enumerate(self.lengths) if lengths]
        if any(len(lengths) > 2 for lengths, _ in accepting):
            return None
        least = max((lengths[0] for lengths, _ in accepting), default=0)
        after = min((lengths[1] for lengths, _ in accepting if len(lengths) > 1), default=None)
        common = (least,) if after is None else (least, after)
        if any(lengths != common for lengths, _ in accepting):
            shortest, longest = _shortest(self.rows), _longest(self.rows)
            for lengths, state in accepting:
                if simplified(common, shortest[state], longest[state]) != lengths:
                    return None
        return least, None if after is None else after - 1


def contains(states: States, text: str) -> bool:
    """Test whether the text is accepted; one with lone surrogates is not."""
    state = 0
    for char in text:
        if "\ud800" <= char <= "\udfff":
            return False
        state = state_in(states.row(state), ord(char))
    return holds(states.lengths_at(state), len(text))


def explore(
    start: S,
    row_of: Callable[[S], Sequence[tuple[int, S]]],
    lengths_of: Callable[[S], LengthSet],
    limit: int = MAX_STATES,
) -> CodepointAutomaton:
    """The minimal automaton of a state space, given by the rows of its states.

    Raises:
        GrammarError: more than `limit` states.
    """
    ids: dict[S, int] = {start: 0}
    order = [start]
    rows: list[Row] = []
    for state in order:  # grows while it is read
        row: list[tuple[int, int]] = []
        for first, to in row_of(state):
            index = ids.setdefault(to, len(order))
            if index == len(order):
                if index >= limit:
                    raise GrammarError(f"an automaton of more than {limit} states is needed")
                order.append(to)
            row.append((first, index))
        rows.append(tuple(row))
    return _canonical(rows, _relevant(rows, [lengths_of(state) for state in order]))


@lru_cache(maxsize=1024)
def product(
    left: CodepointAutomaton, right: CodepointAutomaton, keep: Callable[[bool, bool], bool]
) -> CodepointAutomaton:
    """The texts for which `keep` says so of (in left, in right).

    Raises:
        GrammarError: too many states.
    """

    # What the other side does no longer matters once one side has settled the answer.
    settled_left = {
        state for state in range(len(left.rows)) if _settles(left, state, lambda a, b: keep(a, b))
    }
    settled_right = {
        state for state in range(len(right.rows)) if _settles(right, state, lambda a, b: keep(b, a))
    }

    def row_of(pair: tuple[int, int]) -> Sequence[tuple[int, tuple[int, int]]]:
        a, b = pair
        if a in settled_left:
            return [(0, (a, 0))]
        if b in settled_right:
            return [(0, (0, b))]
        return both_rows(left.rows[a], right.rows[b])

    def lengths_of(pair: tuple[int, int]) -> LengthSet:
        return combine(left.lengths[pair[0]], right.lengths[pair[1]], keep)

    return explore((0, 0), row_of, lengths_of)


def of_length(least: int, most: int | None) -> CodepointAutomaton:
    """All texts of `least` to `most` code points; `most` None is without end."""
    return CodepointAutomaton((((0, 0),),), (between(least, most),))


def complement(automaton: CodepointAutomaton) -> CodepointAutomaton:
    """The texts that are not accepted."""
    return CodepointAutomaton(automaton.rows, tuple(map(complement_of, automaton.lengths)))


def _settles(automaton: CodepointAutomaton, state: int, keep: Callable[[bool, bool], bool]) -> bool:
    """Test whether being in the state decides `keep`, whatever its second argument."""
    if not automaton.is_final(state) or automaton.lengths[state] not in (NO_LENGTH, EVERY_LENGTH):
        return False
    known = automaton.lengths[state] == EVERY_LENGTH
    return len({keep(known, other) for other in (False, True)}) == 1


def both_rows(left: Row, right: Row) -> list[tuple[int, tuple[int, int]]]:
    """The moves of two automata at once."""
    result: list[tuple[int, tuple[int, int]]] = []
    i = j = 0
    while True:
        first = max(left[i][0], right[j][0])
        pair = (left[i][1], right[j][1])
        if not result or result[-1][1] != pair:
            result.append((first, pair))
        next_left = left[i + 1][0] if i + 1 < len(left) else None
        next_right = right[j + 1][0] if j + 1 < len(right) else None
        if next_left is None and next_right is None:
            return result
        if next_right is None or (next_left is not None and next_left <= next_right):
            i += 1
            j += next_left == next_right
        else:
            j += 1


def _relevant(rows: list[Row], lengths: list[LengthSet]) -> list[LengthSet]:
    """Lengths of each state, without those that no text leading to it can have."""
    if all(spans in (NO_LENGTH, EVERY_LENGTH) for spans in lengths):
        return lengths
    least, most = _shortest(rows), _longest(rows)
    return [simplified(*item) for item in zip(lengths, least, most, strict=True)]


def _shortest(rows: Sequence[Row]) -> list[int]:
    distance = {0: 0}
    queue = deque([0])
    while queue:
        state = queue.popleft()
        for _, to in rows[state]:
            if to not in distance:
                distance[to] = distance[state] + 1
                queue.append(to)
    return [distance[state] for state in range(len(rows))]


def _longest(rows: Sequence[Row]) -> list[int | None]:
    """Longest way from the start to each state; None where there are ways of any length."""
    targets = [{to for _, to in row} for row in rows]
    waiting = [0] * len(rows)
    for found in targets:
        for to in found:
            waiting[to] += 1
    longest: list[int | None] = [None] * len(rows)
    ready = [0] if not waiting[0] else []
    longest[0] = 0 if ready else None
    while ready:  # in topological order; what lies on or behind a cycle is never ready
        state = ready.pop()
        for to in targets[state]:
            longest[to] = max(longest[to] or 0, (longest[state] or 0) + 1)
            waiting[to] -= 1
            if not waiting[to]:
                ready.append(to)
    return [way if not left else None for way, left in zip(longest, waiting, strict=True)]


def _canonical(rows: list[Row], lengths: list[LengthSet]) -> CodepointAutomaton:
    """Equivalent states merged, the rest numbered in breadth-first order."""
    group = equivalent(rows, lengths)
    member = {index: state for state, index in reversed(list(enumerate(group)))}
    ids = {group[0]: 0}
    order = [group[0]]
    for index in order:  # grows while it is read
        for _, to in rows[member[index]]:
            if ids.setdefault(group[to], len(order)) == len(order):
                order.append(group[to])
    names = [ids[index] for index in group]
    return CodepointAutomaton(
        tuple(merged(rows[member[index]], names) for index in order),
        tuple(lengths[member[index]] for index in order),
    )
