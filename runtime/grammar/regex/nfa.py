"""NFA of a regular expression (Thompson 1968), with conditions on some of its free steps."""

from __future__ import annotations

from typing import Final

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.codepoints.sets import ALL, Intervals, with_surrogates
from agentfast.runtime.grammar.regex import parser as regex

MAX_STATES: Final = 20_000
"""Most states of a regular expression after its counts are unrolled."""

Condition = regex.Anchor | regex.Boundary | regex.Look


class Nfa:
    """Thompson NFA; state 0 is before the expression.

    Attributes:
        takes: per state, the steps that take a code point: (set, state after).
        free: per state, the steps that take none: (condition, state after).
        final: the state behind the expression.
    """

    def __init__(self, expression: regex.Regex, *, search: bool) -> None:
        """
        Args:
            search: whether text may come before the expression.

        Raises:
            GrammarError: there are too many states.
        """
        self.takes: list[list[tuple[Intervals, int]]] = []
        self.free: list[list[tuple[Condition | None, int]]] = []
        self._reach: dict[tuple[int, bool], frozenset[int]] = {}
        self._loop = self._new()
        start = self._loop
        if search:
            self.takes[start].append((with_surrogates(ALL), start))
            start = self._linked(start)
        self._start = start
        self.final = self._add(expression, start)

    def reach(self, state: int, *, at_start: bool) -> frozenset[int]:
        """States reached without a condition from which something can be done; `at_start` as far as `^` holds.

        Away from the start, a search for what can only begin there is left out.
        """
        key = (state, at_start)
        if key not in self._reach:
            seen = {state}
            pending = [state]
            while pending:
                for condition, to in self.free[pending.pop()]:
                    if condition is None and to not in seen:
                        seen.add(to)
                        pending.append(to)
            self._reach[key] = frozenset(state for state in seen if self._is_of_use(state, at_start))
        return self._reach[key]

    def _is_of_use(self, state: int, at_start: bool) -> bool:
        if state == self._loop != self._start and not at_start:
            return bool(self.reach(self._start, at_start=False))
        conditions = [condition for condition, _ in self.free[state] if condition is not None]
        return (
            state == self.final
            or bool(self.takes[state])
            or any(at_start or condition != _START for condition in conditions)
        )

    def _new(self) -> int:
        if len(self.takes) >= MAX_STATES:
            raise GrammarError(f"the pattern unrolls to more than {MAX_STATES} places")
        self.takes.append([])
        self.free.append([])
        return len(self.takes) - 1

    def _linked(self, source: int, condition: Condition | None = None) -> int:
        target = self._new()
        self.free[source].append((condition, target))
        return target

    def _add(self, expression: regex.Regex, source: int) -> int:
        """Add an expression behind a state; returns the state after it."""
        match expression:
            case regex.Concat():
                for part in expression.parts:
                    source = self._add(part, source)
                return source
            case regex.Quantified():
                return self._add_quantified(expression, source)
            case regex.Union():
                target = self._new()
                for option in expression.options:
                    self.free[self._add(option, source)].append((None, target))
                return target
            case regex.Chars():
                target = self._new()
                self.takes[source].append((with_surrogates(expression.intervals), target))
                return target
            case _:
                return self._linked(source, expression)

    def _add_quantified(self, expression: regex.Quantified, source: int) -> int:
        for _ in range(expression.least):
            source = self._add(expression.item, source)
        if expression.most is None:
            loop = self._linked(source)
            self.free[self._add(expression.item, loop)].append((None, loop))
            return loop
        target = self._linked(source)
        for _ in range(expression.most - expression.least):
            source = self._add(expression.item, source)
            self.free[source].append((None, target))
        return target


_START: Final = regex.Anchor(at_start=True)


def looks_in(expression: regex.Regex) -> list[regex.Look]:
    """The look-around in an expression, that within look-around left out."""
    match expression:
        case regex.Look():
            return [expression]
        case regex.Concat():
            return [look for part in expression.parts for look in looks_in(part)]
        case regex.Union():
            return [look for option in expression.options for look in looks_in(option)]
        case regex.Quantified():
            return looks_in(expression.item)
        case _:
            return []


def contains(expression: regex.Regex, kind: type[regex.Anchor | regex.Boundary]) -> bool:
    """Test whether an anchor or a boundary is in an expression, or in look-around within it."""
    match expression:
        case regex.Concat():
            return any(contains(part, kind) for part in expression.parts)
        case regex.Union():
            return any(contains(option, kind) for option in expression.options)
        case regex.Quantified() | regex.Look():
            return contains(expression.item, kind)
        case _:
            return isinstance(expression, kind)
