"""Disjunctive form of formulas over one type: each alternative is one set of rules, and formulas beyond rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.automaton.boolean_formula import (
    TRUE,
    All,
    Constant,
    Formula,
    Leaf,
    Not,
    One,
    Some,
    all_of,
    negation,
    one_of,
    some_of,
)
from agentfast.runtime.grammar.schema.rules.assertions import Assertions
from agentfast.runtime.grammar.schema.rules.by_type import ObjectRules, Rules

MAX_ALTERNATIVES: Final = 64
"""Alternatives that a conjunction is multiplied out to; more become operands of a Boolean node."""
MAX_CLOSED_ALTERNATIVES: Final = 512
"""The same where objects are closed: which members are declared then depends on the alternative, so that more than
these are refused."""


@dataclass(frozen=True)
class Alternative:
    """Values that meet the rules (None: all of the type) and every formula under `hard`."""

    rules: Rules | None
    hard: tuple[Formula, ...] = ()


def project(formula: Formula, kind: str, *, closed: bool) -> Formula:
    """Projection of a formula over `Assertions` to one type; the rules of conjunctions are made one.

    `closed` keeps rules that only say that a schema speaks of objects. Under a negation schemas are never closed.
    """

    def of(part: Formula) -> Formula:
        return project(part, kind, closed=closed)

    match formula:
        case Assertions():
            return of(formula.kinds[kind])
        case ObjectRules():
            return TRUE if formula.is_anything and not closed else formula
        case All():
            return conjunction(of(part) for part in formula.parts)
        case Some():
            return some_of(of(part) for part in formula.parts)
        case One():
            return one_of(of(part) for part in formula.parts)
        case Not():
            return negated(project(formula.part, kind, closed=False))
        case _:
            return formula


def conjunction(parts: Iterable[Formula]) -> Formula:
    """Conjunction in which all rules are one."""
    whole = all_of(parts)
    if not isinstance(whole, All):
        return whole
    rules: Formula = TRUE
    others: list[Formula] = []
    for part in whole.parts:
        if not isinstance(part, Rules):
            others.append(part)
        else:
            rules = rules.both(part) if isinstance(rules, Rules) else part if rules == TRUE else rules
    return all_of([rules, *others])


def negated(formula: Formula) -> Formula:
    """The opposite, said by rules where they can."""
    match formula:
        case Rules():
            opposite = formula.negated()
            return Not(formula) if opposite is None else opposite
        case All():
            return some_of(negated(part) for part in formula.parts)
        case Some():
            return conjunction(negated(part) for part in formula.parts)
        case _:
            return negation(formula)


def alternatives(
    formula: Formula, exclusive: Callable[[tuple[Formula, ...]], bool], *, closed: bool = False
) -> list[Alternative]:
    """Alternatives that together are the formula.

    Args:
        exclusive: whether no value meets two of the formulas.

    Raises:
        UnsupportedSchemaError: there are too many, and objects are closed.
    """

    def of(part: Formula) -> list[Alternative]:
        return alternatives(part, exclusive, closed=closed)

    match formula:
        case Constant():
            return [Alternative(None)] if formula.value else []
        case Rules():
            return [Alternative(formula)]
        case Some():
            return [alternative for part in formula.parts for alternative in of(part)]
        case One():
            found = [alternative for part in formula.parts for alternative in of(part)]
            if exclusive(formula.parts):
                return found
            return [Alternative(alternative.rules, (*alternative.hard, formula)) for alternative in found]
        case All():
            return _multiplied([(part, of(part)) for part in formula.parts], closed=closed)
        case _:
            assert isinstance(formula, Not | Leaf)
            return [Alternative(None, (formula,))]


def _multiplied(parts: list[tuple[Formula, list[Alternative]]], *, closed: bool) -> list[Alternative]:
    found = [Alternative(None)]
    for part, choices in parts:
        if len(found) * len(choices) > (MAX_CLOSED_ALTERNATIVES if closed else MAX_ALTERNATIVES):
            if closed:
                path = next(
                    (alternative.rules.path for alternative in choices if alternative.rules is not None), ""
                )
                raise UnsupportedSchemaError(
                    "allOf",
                    path,
                    f"more than {MAX_CLOSED_ALTERNATIVES} alternatives of one object",
                    hint="use closed=False and additionalProperties",
                )
            found = [Alternative(alternative.rules, (*alternative.hard, part)) for alternative in found]
        else:
            pairs = (_both(left, right) for left in found for right in choices)
            found = list(dict.fromkeys(both for both in pairs if both is not None))
    return found


def _both(left: Alternative, right: Alternative) -> Alternative | None:
    hard = tuple(dict.fromkeys(left.hard + right.hard))
    if any(isinstance(part, Not) and part.part in (left.rules, right.rules) for part in hard):
        return None
    if left.rules is None or right.rules is None:
        return Alternative(right.rules if left.rules is None else left.rules, hard)
    rules = left.rules.both(right.rules)
    return Alternative(rules, hard) if isinstance(rules, Rules) else None


def distributed(formula: Formula) -> Formula:
    """Distribute conjunctions: "all of A and exactly one of B, C" as "exactly one of A and B, A and C"."""
    match formula:
        case Some():
            return some_of(distributed(part) for part in formula.parts)
        case One():
            return one_of(distributed(part) for part in formula.parts)
        case All():
            for index, part in enumerate(formula.parts):
                if isinstance(part, One) or (isinstance(part, Some) and _has_one(part)):
                    rest = formula.parts[:index] + formula.parts[index + 1 :]
                    combine = one_of if isinstance(part, One) else some_of
                    return combine(distributed(conjunction([*rest, inner])) for inner in part.parts)
            return formula
        case _:
            return formula


def _has_one(formula: Formula) -> bool:
    match formula:
        case One():
            return True
        case All() | Some():
            return any(_has_one(part) for part in formula.parts)
        case _:
            return False


def pairwise(parts: tuple[Formula, ...], disjoint: Callable[[Formula, Formula], bool]) -> bool:
    """Test whether every two parts are disjoint."""
    return all(disjoint(left, right) for left, right in combinations(parts, 2))
