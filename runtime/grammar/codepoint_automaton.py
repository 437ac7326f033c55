"""Automata over code points: regular expressions by subset construction, length limits, and their intersection."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple, Protocol

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import regex
from agentfast.runtime.grammar.codepoints import ALL, LAST, Interval, Intervals, intersect, normalise
from agentfast.runtime.grammar.machine import machine_from_steps

MAX_POSITIONS: Final = 20_000
"""Most nodes of a regular expression after its counts are unrolled."""


class CodepointAutomaton(Protocol):
    """A deterministic automaton over code points; the moves from one state are disjoint."""

    @property
    def start(self) -> Hashable: ...

    def moves(self, state: Hashable) -> Sequence[tuple[Intervals, Hashable]]: ...

    def accepting(self, state: Hashable) -> bool: ...


class Length:
    """Texts of `least` to `most` code points."""

    start: Hashable = 0

    def __init__(self, least: int, most: int | None) -> None:
        self._least = least
        self._most = most

    def moves(self, state: Hashable) -> Sequence[tuple[Intervals, Hashable]]:
        assert isinstance(state, int)
        if self._most is None:
            return [(ALL, min(state + 1, self._least))]
        return [(ALL, state + 1)] if state < self._most else []

    def accepting(self, state: Hashable) -> bool:
        assert isinstance(state, int)
        return state >= self._least


class _Pair(NamedTuple):
    left: Hashable
    right: Hashable


class Both:
    """Texts of two automata at once."""

    def __init__(self, left: CodepointAutomaton, right: CodepointAutomaton) -> None:
        self._left = left
        self._right = right
        self.start: Hashable = _Pair(left.start, right.start)

    def moves(self, state: Hashable) -> Sequence[tuple[Intervals, Hashable]]:
        assert isinstance(state, _Pair)
        return [
            (common, _Pair(left, right))
            for left_set, left in self._left.moves(state.left)
            for right_set, right in self._right.moves(state.right)
            if (common := intersect(left_set, right_set))
        ]

    def accepting(self, state: Hashable) -> bool:
        assert isinstance(state, _Pair)
        return self._left.accepting(state.left) and self._right.accepting(state.right)


@dataclass(frozen=True)
class _Step:
    """An edge of the nondeterministic automaton: over a set, or free (None), or free at an end of the text only."""

    over: Intervals | None
    anchor: regex.Anchor | None
    to: int


class _Open(NamedTuple):
    """Nodes that the text so far leaves open, and whether that is none of it."""

    at_start: bool
    nodes: frozenset[int]


class Matching:
    """Texts that a regular expression matches: somewhere in them, unless it has anchors (ECMA `test`).

    Attributes:
        atoms: intervals of code points that no set in the expression splits, in rising order, from 0 to LAST.
        start: the first state.
    """

    def __init__(self, expression: regex.Regex) -> None:
        """Raises: GrammarError if the expression is too large."""
        self._steps: list[list[_Step]] = [[]]
        any_char = regex.Quantified(regex.Chars(ALL), 0, None)
        self._final = self._add(regex.Concat((any_char, expression, any_char)), 0)
        cuts = {0, LAST + 1}
        for step in (step for steps in self._steps for step in steps):
            cuts.update(cut for low, high in step.over or () for cut in (low, high + 1))
        self.atoms: list[Interval] = [(low, after - 1) for low, after in pairwise(sorted(cuts))]
        self._states: list[_Open] = []
        self._ids: dict[_Open, int] = {}
        self.start: Hashable = self._intern(self._free({0}, at_start=True, at_end=False), at_start=True)

    def accepting(self, state: Hashable) -> bool:
        assert isinstance(state, int)
        at_start, nodes = self._states[state]
        return self._final in self._free(nodes, at_start=at_start, at_end=True)

    def _intern(self, nodes: frozenset[int], *, at_start: bool) -> int:
        state = _Open(at_start, nodes)
        found = self._ids.setdefault(state, len(self._states))
        if found == len(self._states):
            self._states.append(state)
        return found

    def atom_ranges(self, state: Hashable) -> list[tuple[int, int, Hashable]]:
        """(first atom, last atom, state after them) for each atom that leads on."""
        assert isinstance(state, int)
        nodes = self._states[state].nodes
        steps = [
            (step.over, step.to) for node in nodes for step in self._steps[node] if step.over is not None
        ]
        states: dict[frozenset[int], int] = {}
        moves: list[tuple[int, int, Hashable]] = []
        for index, (code, _) in enumerate(self.atoms):
            direct = frozenset(to for over, to in steps if any(low <= code <= high for low, high in over))
            if not direct:
                continue
            if direct not in states:
                states[direct] = self._intern(
                    self._free(direct, at_start=False, at_end=False), at_start=False
                )
            moves.append((index, index, states[direct]))
        return moves

    def _free(self, nodes: set[int] | frozenset[int], *, at_start: bool, at_end: bool) -> frozenset[int]:
        """Nodes reached without a code point."""
        seen = set(nodes)
        pending = list(nodes)
        while pending:
            for step in self._steps[pending.pop()]:
                free = step.over is None and (
                    step.anchor is None or (at_start if step.anchor.at_start else at_end)
                )
                if free and step.to not in seen:
                    seen.add(step.to)
                    pending.append(step.to)
        return frozenset(seen)

    def _new(self) -> int:
        if len(self._steps) >= MAX_POSITIONS:
            raise GrammarError(f"the pattern unrolls to more than {MAX_POSITIONS} positions")
        self._steps.append([])
        return len(self._steps) - 1

    def _link(self, source: int, target: int) -> None:
        self._steps[source].append(_Step(None, None, target))

    def _add(self, expression: regex.Regex, source: int) -> int:
        """Add an expression behind a node; returns the node after it."""
        if isinstance(expression, regex.Concat):
            for part in expression.parts:
                source = self._add(part, source)
            return source
        if isinstance(expression, regex.Quantified):
            return self._add_quantified(expression, source)
        target = self._new()
        if isinstance(expression, regex.Union):
            for option in expression.options:
                self._link(self._add(option, source), target)
        elif isinstance(expression, regex.Anchor):
            self._steps[source].append(_Step(None, expression, target))
        else:
            self._steps[source].append(_Step(expression.intervals, None, target))
        return target

    def _add_quantified(self, expression: regex.Quantified, source: int) -> int:
        for _ in range(expression.least):
            source = self._add(expression.item, source)
        if expression.most is None:
            loop = self._new()
            self._link(source, loop)
            self._link(self._add(expression.item, loop), loop)
            return loop
        target = self._new()
        self._link(source, target)
        for _ in range(expression.most - expression.least):
            source = self._add(expression.item, source)
            self._link(source, target)
        return target


class Minimal:
    """The smallest automaton of a regular expression's texts, so that its products with others stay small."""

    start: Hashable = 0

    def __init__(self, expression: regex.Regex, limit: int) -> None:
        """Raises: GrammarError if the expression is too large or takes more than `limit` states."""
        matching = Matching(expression)
        self._atoms = matching.atoms
        # A byte machine serves as the table, with runs of atoms in place of bytes: at most 256 of them.
        if len(self._atoms) > 256:
            raise GrammarError("the pattern tells more than 256 sets of characters apart")
        self._machine = machine_from_steps(matching.start, matching.atom_ranges, matching.accepting, limit)

    def moves(self, state: Hashable) -> Sequence[tuple[Intervals, Hashable]]:
        assert isinstance(state, int)
        by_target: dict[int, list[Interval]] = {}
        for low, high, to in self._machine.moves[state]:
            by_target.setdefault(to, []).extend(self._atoms[low : high + 1])
        moves = [(normalise(atoms), to) for to, atoms in by_target.items()]
        return [(intervals, to) for intervals, to in moves if intervals]

    def accepting(self, state: Hashable) -> bool:
        assert isinstance(state, int)
        return self._machine.accepting[state]
