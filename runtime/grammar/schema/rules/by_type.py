"""Rules for values of one JSON type, closed under conjunction."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from itertools import zip_longest
from math import lcm
from typing import Final

from agentfast.runtime.grammar.automaton.boolean_formula import FALSE, Formula, Leaf, evaluate, some_of
from agentfast.runtime.grammar.numbers.number import Bounds
from agentfast.runtime.grammar.schema.rules.subschemas import Subschema, Subschemas, conjoin

KINDS: Final = ("object", "array", "string", "number", "boolean", "null")
"""JSON's types; an integer is a number."""


class Rules(Leaf):
    """Base of the rules for one type. `path` is where they come from."""

    __slots__ = ()
    path: str

    def both(self, other: Rules) -> Formula:
        """Conjunction with other rules of the same type; FALSE where no value can meet both."""
        raise NotImplementedError

    def negated(self) -> Formula | None:
        """Negation, if rules can say it."""
        return None


@dataclass(frozen=True)
class BooleanRules(Rules):
    """true, or false."""

    value: bool
    path: str = field(default="", compare=False)

    def both(self, other: Rules) -> Formula:
        return self if self == other else FALSE

    def negated(self) -> Formula | None:
        return BooleanRules(value=not self.value)


@dataclass(frozen=True)
class StringRules(Rules):
    """Strings.

    Attributes:
        words: the only ones allowed; None is all.
        parts: ("pattern", ...) and ("format", ...) that must be met.
    """

    least: int = 0
    most: int | None = None
    words: frozenset[str] | None = None
    parts: tuple[tuple[str, str], ...] = ()
    path: str = field(default="", compare=False)

    def both(self, other: Rules) -> Formula:
        assert isinstance(other, StringRules)
        most = _least_of(self.most, other.most)
        least = max(self.least, other.least)
        words = self.words if other.words is None else other.words
        if self.words is not None and other.words is not None:
            words = self.words & other.words
        if words is not None:
            words = frozenset(w for w in words if least <= len(w) and (most is None or len(w) <= most))
            least, most = 0, None
        if (most is not None and most < least) or (words is not None and not words):
            return FALSE
        parts = tuple(dict.fromkeys(self.parts + other.parts))
        return StringRules(least, most, words, parts, self.path or other.path)


@dataclass(frozen=True)
class NumberRules(Rules):
    """Numbers within bounds that are multiples of a value (of all, where several schemas meet).

    Attributes:
        is_value: the bounds are one listed value, to be written in its own way.
    """

    bounds: Bounds = field(default_factory=Bounds)
    integral: bool = False
    multiple_of: Decimal | None = None
    is_value: bool = False
    path: str = field(default="", compare=False)

    def both(self, other: Rules) -> Formula:
        assert isinstance(other, NumberRules)
        bounds = _narrower(self.bounds, other.bounds)
        low, high = bounds.low, bounds.high
        if low is not None and high is not None:
            closed = bounds.low_included and bounds.high_included
            if low > high or (low == high and not closed):
                return FALSE
        multiple = _common_multiple(self.multiple_of, other.multiple_of)
        integral = self.integral or other.integral
        if low is not None and low == high:
            units = [unit for unit in (multiple, Decimal(1) if integral else None) if unit is not None]
            if any((Fraction(low) / Fraction(unit)).denominator > 1 for unit in units):
                return FALSE
        is_value = self.is_value or other.is_value
        return NumberRules(bounds, integral, multiple, is_value, self.path or other.path)

    def negated(self) -> Formula | None:
        if self.integral or self.multiple_of is not None:
            return None
        bounds = self.bounds
        below = Bounds(None, bounds.low, high_included=not bounds.low_included)
        above = Bounds(bounds.high, None, low_included=not bounds.high_included)
        sides = ((bounds.low, below), (bounds.high, above))
        return some_of(NumberRules(side, path=self.path) for end, side in sides if end is not None)


@dataclass(frozen=True)
class Others:
    """The subschema for keys that are neither among the names nor matched by a pattern."""

    names: frozenset[str]
    patterns: tuple[str, ...]
    subschema: Subschema


@dataclass(frozen=True)
class ObjectRules(Rules):
    """Objects.

    Attributes:
        order: declared names, in their order.
        named, patterns, others: what the values of keys have to meet.
        required: names that must be there.
        names: what the keys themselves have to meet.
        least, most: how many members there are.
        needs: names that must be there when another is.
        closable: whether a schema speaks of objects here; `is_open`: whether one speaks of undeclared members.
    """

    order: tuple[str, ...] = ()
    named: tuple[tuple[str, Subschema], ...] = ()
    patterns: tuple[tuple[str, Subschema], ...] = ()
    others: tuple[Others, ...] = ()
    required: tuple[str, ...] = ()
    names: Subschemas = ()
    least: int = 0
    most: int | None = None
    needs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    closable: bool = False
    is_open: bool = False
    path: str = field(default="", compare=False)

    def both(self, other: Rules) -> Formula:
        assert isinstance(other, ObjectRules)
        return ObjectRules(
            _once(self.order + other.order),
            tuple(dict.fromkeys(self.named + other.named)),
            tuple(dict.fromkeys(self.patterns + other.patterns)),
            tuple(dict.fromkeys(self.others + other.others)),
            _once(self.required + other.required),
            conjoin(self.names, other.names),
            max(self.least, other.least),
            _least_of(self.most, other.most),
            tuple(dict.fromkeys(self.needs + other.needs)),
            self.closable or other.closable,
            self.is_open or other.is_open,
            self.path or other.path,
        )

    @property
    def is_anything(self) -> bool:
        """True if any object meets them."""
        return replace(self, closable=False, is_open=False) == ObjectRules()


@dataclass(frozen=True)
class Contains:
    """So many items meet the subschema."""

    subschema: Subschema
    least: int
    most: int | None


@dataclass(frozen=True)
class ArrayRules(Rules):
    """Arrays: subschemas of the first items one by one, and of the rest."""

    prefix: tuple[Subschemas, ...] = ()
    rest: Subschemas = ()
    least: int = 0
    most: int | None = None
    contains: tuple[Contains, ...] = ()
    unique: bool = False
    path: str = field(default="", compare=False)

    def both(self, other: Rules) -> Formula:
        assert isinstance(other, ArrayRules)
        least, most = max(self.least, other.least), _least_of(self.most, other.most)
        if most is not None and most < least:
            return FALSE
        prefix = tuple(
            conjoin(self.rest if left is None else left, other.rest if right is None else right)
            for left, right in zip_longest(self.prefix, other.prefix)
        )
        contains = tuple(dict.fromkeys(self.contains + other.contains))
        rest = conjoin(self.rest, other.rest)
        unique = self.unique or other.unique
        return ArrayRules(prefix, rest, least, most, contains, unique, self.path or other.path)


ANYTHING: Final[dict[str, Rules]] = {
    "object": ObjectRules(),
    "array": ArrayRules(),
    "string": StringRules(),
    "number": NumberRules(),
}
"""The rules that every value of a type meets."""


def allows(formula: Formula, *, value: bool) -> bool:
    """Test whether a formula over `BooleanRules` holds for a value."""
    return evaluate(formula, lambda leaf: isinstance(leaf, BooleanRules) and leaf.value == value) is True


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _least_of(left: int | None, right: int | None) -> int | None:
    return left if right is None else right if left is None else min(left, right)


def _narrower(left: Bounds, right: Bounds) -> Bounds:
    low, low_in = left.low, left.low_included
    if right.low is not None and (low is None or right.low > low or (right.low == low and low_in)):
        low, low_in = right.low, right.low_included
    high, high_in = left.high, left.high_included
    if right.high is not None and (high is None or right.high < high or (right.high == high and high_in)):
        high, high_in = right.high, right.high_included
    return Bounds(low, high, low_in, high_in)


def _common_multiple(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    if left is None or right is None:
        return right if left is None else left
    (a, b), (c, d) = left.as_integer_ratio(), right.as_integer_ratio()
    whole = lcm(a * d, c * b)
    return Decimal(whole) / Decimal(b * d)
