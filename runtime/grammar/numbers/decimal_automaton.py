"""Automaton over the characters of a decimal whose value meets conditions; see digit_state.py for its states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from agentfast.runtime.grammar.numbers import exponent as exponents
from agentfast.runtime.grammar.numbers.digit_state import (
    FRACTION,
    MINUS,
    POINT,
    START,
    WHOLE,
    ZERO,
    Conditions,
    DigitState,
)
from agentfast.runtime.grammar.numbers.exponent import EMPTY, ExponentState
from agentfast.runtime.grammar.numbers.ranges import End


class _Exponent(NamedTuple):
    """After "e": the interval that the exponent must be in."""

    low: int
    high: int


State = DigitState | _Exponent | ExponentState
Move = tuple[int, int, State]


class DecimalAutomaton:
    """Moves and acceptance, for `build_byte_dfa`."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._notation = conditions.notation
        self._ranges = conditions.ranges
        self._multiple = conditions.multiple
        self.start: State = DigitState(START, negative=False, short=conditions.notation.exponents is not None)

    def moves(self, state: State) -> Iterator[Move]:
        """Byte ranges and the states after them."""
        if isinstance(state, _Exponent):
            yield from exponents.sign_moves(state.low, state.high, self._notation.exponent_digits)
        elif isinstance(state, DigitState):
            yield from self._mantissa_moves(state)
        else:
            yield from exponents.digit_moves(state)

    def accepting(self, state: State) -> bool:
        """Test whether the decimal may end here."""
        if isinstance(state, _Exponent):
            return False
        if not isinstance(state, DigitState):
            return exponents.is_complete(state)
        if state.phase not in (ZERO, WHOLE, FRACTION):
            return False
        low, high = self._conditions.interval(state, (0, 0))
        return low <= high

    def _mantissa_moves(self, at: DigitState) -> Iterator[Move]:
        if at.phase == START:
            yield 0x2D, 0x2D, at._replace(phase=MINUS, negative=self._ranges[0] != self._ranges[1])
        if at.phase in (ZERO, WHOLE) and self._notation.fraction != 0:
            point = self._conditions.settled(at._replace(phase=POINT))
            if point is not None:
                yield 0x2E, 0x2E, point
        if at.phase != ZERO:
            yield from self._digit_moves(at)
        if self._notation.exponents is not None and at.short and at.phase in (ZERO, WHOLE, FRACTION):
            interval = self._conditions.interval(at, self._notation.exponents)
            if interval != EMPTY:
                yield 0x45, 0x45, _Exponent(*interval)
                yield 0x65, 0x65, _Exponent(*interval)

    def _digit_moves(self, at: DigitState) -> Iterator[Move]:
        fraction = self._notation.fraction
        if at.phase in (POINT, FRACTION) and fraction is not None and at.places >= fraction:
            return
        firsts = self._first_digits(at)
        low, outcome = 0, self._after(at, 0)
        for digit in firsts[1:]:
            after = self._after(at, digit)
            if after != outcome:
                if outcome is not None:
                    yield 0x30 + low, 0x30 + digit - 1, outcome
                low, outcome = digit, after
        if outcome is not None:
            yield 0x30 + low, 0x39, outcome

    def _first_digits(self, at: DigitState) -> list[int]:
        """The digits from 0 that may differ in their outcome from the one before."""
        if self._multiple is not None and self._multiple.factor > 1:
            return list(range(10))
        ends = self._ranges[at.negative]
        index = at.point + at.places if at.nonzero else 0
        firsts = {0, 1}
        for end, order in ((ends.low, at.low), (ends.high, at.high)):
            if end is not None and order == 0:
                firsts |= {end.digit(index), end.digit(index) + 1}
        return sorted(firsts - {10})

    def _after(self, at: DigitState, digit: int) -> DigitState | None:
        """The state after a digit, None if nothing in the language goes on so."""
        in_fraction = at.phase in (POINT, FRACTION)
        places = at.places + in_fraction
        phase = FRACTION if in_fraction else WHOLE if digit or at.nonzero else ZERO
        if not digit and not at.nonzero:
            return self._conditions.settled(at._replace(phase=phase, places=places))
        index = at.point + at.places if at.nonzero else 0
        point = at.point + (not in_fraction) if at.nonzero else (1 - places)
        low, high = self._ranges[at.negative].low, self._ranges[at.negative].high
        remainder, least = self._multiple_step(at, digit, places)
        return self._conditions.settled(
            DigitState(
                phase,
                at.negative,
                short=at.short and self._is_short(phase, digit, point, places),
                point=point,
                nonzero=True,
                places=places,
                low=at.low or _difference(digit, low, index),
                high=at.high or _difference(digit, high, index),
                remainder=remainder,
                least=least,
            )
        )

    def _is_short(self, phase: int, digit: int, point: int, places: int) -> bool:
        whole, fraction = self._notation.whole, self._notation.significant_fraction
        if phase == WHOLE:
            return whole is None or point <= whole
        return fraction is None or not digit or places <= fraction

    def _multiple_step(self, at: DigitState, digit: int, places: int) -> tuple[int, int]:
        """Remainder and least exponent after a digit."""
        multiple = self._multiple
        if multiple is None:
            return 0, 0
        remainder = (at.remainder * 10 + digit) % multiple.modulus
        if remainder % multiple.rest:
            return remainder, multiple.power + places + 1
        if digit:
            return remainder, multiple.power + multiple.missing(at.remainder, digit) + places
        return remainder, at.least - (at.phase == WHOLE)


def _difference(digit: int, end: End | None, index: int) -> int:
    """Sign of (digit - the end's)."""
    if end is None:
        return 0
    other = end.digit(index)
    return (digit > other) - (digit < other)
