"""Numbers in JSON's notation: exact bounds and multiples, however the number is written.

Two encodings. "canonical" is what a tool call should write: integers without fraction or exponent. Other numbers have
an optional fraction; without bounds also an optional exponent of one or two digits. With bounds or a multiple, there
is no exponent, and the fraction has at most 15 digits less those before the point in the bounds: decimals of 15 digits
stay distinct and in order as double precision, so a reader that uses it sees the bound kept.

"any" is JSON's notation as a whole: 1, 1.0, 10e-1 and 0.1E+01 are the integer 1. Which of these are in a range is not a
regular language, as 100...0e-99 has to be read, so the numbers with an exponent have limits: at most WHOLE_DIGITS
digits before the point, no digit but 0 further than FRACTION_DIGITS places after it, and an exponent of one to three
digits from EXPONENTS. These hold what double precision can. Numbers without an exponent have no limit. The limits are
the same for every number of this encoding, so within them bounds are exact and complements are, too.

"-0" is a number (and an integer) equal to 0, as in JSON.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final, Literal

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.byte_dfa import ByteDfa, build_byte_dfa
from agentfast.runtime.grammar.numbers.decimal_automaton import DecimalAutomaton
from agentfast.runtime.grammar.numbers.digit_state import Conditions, Notation
from agentfast.runtime.grammar.numbers.multiple_of import MultipleOf
from agentfast.runtime.grammar.numbers.ranges import Bounds, Range

__all__ = ("Bounds", "Encoding", "number_dfa", "number_node", "number_value", "value_dfa")

Encoding = Literal["canonical", "any"]

WHOLE_DIGITS: Final = 16
"""Digits before the point of a number that has an exponent."""
FRACTION_DIGITS: Final = 16
"""Place after the point of the last digit other than 0 of a number that has an exponent."""
EXPONENTS: Final = (-324, 308)
"""Exponents that a number may have: those of double precision."""
MAX_STATES: Final = 30_000
"""States of a number's automaton before it is minimised."""
_MAX_PLACES: Final = 5_000  # of a bound, on either side of the point
_DOUBLE_DIGITS: Final = 15
_ANY: Final = Notation(EXPONENTS, 3, WHOLE_DIGITS, FRACTION_DIGITS)
_FREE: Final = Notation((-99, 99), 2)
_INTEGER: Final = Notation(None, fraction=0)


def number_node(
    bounds: Bounds,
    *,
    integral: bool = False,
    multiple_of: Decimal | None = None,
    encoding: Encoding = "canonical",
) -> nodes.Node:
    """The numbers, or integers, within bounds that are multiples of a value; NOTHING if there are none.

    Raises:
        GrammarError: the automaton would be too large.
    """
    dfa = number_dfa(bounds, integral=integral, multiple_of=multiple_of, encoding=encoding)
    return nodes.NOTHING if dfa.is_empty else nodes.Terminal(dfa)


def number_value(value: Decimal, encoding: Encoding = "canonical") -> nodes.Node:
    """Every way to write one number; with the canonical encoding, just one."""
    return nodes.Terminal(value_dfa(value, encoding))


def value_dfa(value: Decimal, encoding: Encoding = "canonical") -> ByteDfa:
    """`number_value` as a DFA.

    Raises:
        GrammarError: the value has too many digits.
    """
    if encoding == "any":
        return number_dfa(Bounds(value, value), integral=False, encoding="any")
    text = canonical_text(value)
    return build_byte_dfa(
        0, lambda at: [(b, b, at + 1) for b in text[at : at + 1]], len(text).__eq__, MAX_STATES
    )


def canonical_text(value: Decimal) -> bytes:
    """One number as it is written by default: an integer without point or exponent."""
    _check_places(value)
    return (str(int(value)) if value == value.to_integral_value() else str(value)).encode()


@lru_cache(maxsize=256)
def number_dfa(
    bounds: Bounds,
    *,
    integral: bool,
    multiple_of: Decimal | None = None,
    encoding: Encoding = "canonical",
) -> ByteDfa:
    """`number_node` as a minimal DFA, empty if there are no such numbers.

    Raises:
        GrammarError: a bound has so many digits, or a multiple so many remainders, that it would be too large.
    """
    for bound in (bounds.low, bounds.high):
        if bound is not None:
            _check_places(bound)
    multiple = None
    if integral or multiple_of is not None:
        multiple = MultipleOf.from_decimal(
            Decimal(1) if multiple_of is None else multiple_of, integral=integral
        )
    if encoding == "any":
        notation = _ANY
    elif integral:
        notation = _INTEGER
        multiple = (
            None if multiple_of is None or multiple == MultipleOf.from_decimal(Decimal(1)) else multiple
        )
    else:
        notation = _FREE if bounds.are_absent and multiple is None else _decimals(bounds, multiple)
    ranges = Range.of(bounds), Range.of(bounds.mirrored())
    automaton = DecimalAutomaton(Conditions(notation, bounds.hold(Decimal(0)), ranges, multiple))
    return build_byte_dfa(automaton.start, automaton.moves, automaton.accepting, MAX_STATES)


def _decimals(bounds: Bounds, multiple: MultipleOf | None) -> Notation:
    """Decimal notation with the fraction digits that double precision tells apart, or the bounds need."""
    ends = [end for end in (bounds.low, bounds.high) if end is not None]
    whole = max((max(end.adjusted() + 1, 1) for end in ends), default=1)
    fraction = max((_places(end) for end in ends), default=0)
    return Notation(
        None, fraction=max(_DOUBLE_DIGITS - whole, fraction, 1 if multiple is None else -multiple.power, 1)
    )


def _places(value: Decimal) -> int:
    """Digits after the point, without zeros at the end."""
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # the value is finite
    return max(-exponent, 0)


def _check_places(value: Decimal) -> None:
    if not value.is_finite() or (value and max(abs(value.adjusted()), _places(value)) > _MAX_PLACES):
        raise GrammarError(f"a number of more than {_MAX_PLACES} digits is not supported")
