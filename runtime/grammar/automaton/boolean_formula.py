"""Boolean formulas over leaves of any kind, simplified as they are made.

The same few classes combine schemas, rules of one JSON type, and the operands of an automaton.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final


class Formula:
    """Base of all formulas. `Leaf` is what the others combine."""

    __slots__ = ()


@dataclass(frozen=True)
class Constant(Formula):
    """Always, or never."""

    value: bool


class Leaf(Formula):
    """A condition that is not looked into here."""

    __slots__ = ()


@dataclass(frozen=True)
class All(Formula):
    """Every part holds."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Some(Formula):
    """At least one part holds."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class One(Formula):
    """Exactly one part holds."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True)
class Not(Formula):
    """The part does not hold."""

    part: Formula


TRUE: Final = Constant(value=True)
FALSE: Final = Constant(value=False)


def all_of(parts: Iterable[Formula]) -> Formula:
    """Conjunction; a conjunction inside is opened."""
    found: list[Formula] = []
    for part in parts:
        if part == FALSE:
            return FALSE
        if isinstance(part, All):
            found += part.parts
        elif part != TRUE:
            found.append(part)
    if any(isinstance(part, Not) and part.part in found for part in found):
        return FALSE
    return TRUE if not found else found[0] if len(found) == 1 else All(tuple(found))


def some_of(parts: Iterable[Formula]) -> Formula:
    """Disjunction; a disjunction inside is opened."""
    found: list[Formula] = []
    for part in parts:
        if part == TRUE:
            return TRUE
        if isinstance(part, Some):
            found += part.parts
        elif part != FALSE:
            found.append(part)
    return FALSE if not found else found[0] if len(found) == 1 else Some(tuple(found))


def one_of(parts: Iterable[Formula]) -> Formula:
    """Exactly one of the parts."""
    found = [part for part in parts if part != FALSE]
    sure = found.count(TRUE)
    if sure > 1:
        return FALSE
    if sure == 1:
        return all_of(negation(part) for part in found if part != TRUE)
    return FALSE if not found else found[0] if len(found) == 1 else One(tuple(found))


def negation(part: Formula) -> Formula:
    """The opposite, moved inwards as far as that does not multiply anything."""
    match part:
        case Constant():
            return FALSE if part.value else TRUE
        case Not():
            return part.part
        case All():
            return some_of(negation(inner) for inner in part.parts)
        case Some():
            return all_of(negation(inner) for inner in part.parts)
        case _:
            return Not(part)


def leaves(formula: Formula) -> list[Leaf]:
    """Every leaf, from left to right."""
    match formula:
        case Leaf():
            return [formula]
        case All() | Some() | One():
            return [leaf for part in formula.parts for leaf in leaves(part)]
        case Not():
            return leaves(formula.part)
        case _:
            return []


def evaluate(formula: Formula, truth_of: Callable[[Leaf], bool | None]) -> bool | None:
    """Kleene's three-valued truth; None is not known yet."""
    match formula:
        case Constant():
            return formula.value
        case Leaf():
            return truth_of(formula)
        case Not():
            inner = evaluate(formula.part, truth_of)
            return None if inner is None else not inner
        case All() | Some():
            decides = isinstance(formula, Some)
            known = [evaluate(part, truth_of) for part in formula.parts]
            return decides if decides in known else None if None in known else not decides
        case One():
            known = [evaluate(part, truth_of) for part in formula.parts]
            if known.count(True) > 1:
                return False
            return None if None in known else True in known
        case _:
            raise AssertionError(f"unknown formula {formula!r}")
