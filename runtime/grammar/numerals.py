"""The automaton over the characters of a numeral whose value is in a range and a multiple of something.

With the significant digits read and the power of ten of the first one, every condition on the value leaves an interval
of exponents: the comparison with an end of the range is one of the powers, unless these are equal; then the digits
decide. So a state holds the place of the digits, the first difference from each end, and a remainder. It holds no more
of these than the rest of the numeral can depend on, which keeps the state space close to the minimal automaton.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from agentfast.runtime.grammar import exponents
from agentfast.runtime.grammar.exponents import EMPTY, ExponentState, Span
from agentfast.runtime.grammar.magnitudes import End, Range
from agentfast.runtime.grammar.multiples import Multiple


@dataclass(frozen=True)
class Notation:
    """How a number may be written.

    Attributes:
        exponents: the values that an exponent may have; None: there is no exponent.
        exponent_digits: most digits of an exponent.
        whole, significant_fraction: with an exponent, most digits before the point, and the last place after it that
            may have a digit other than 0. None: no limit, which the limits on values below rule out.
        fraction: most digits after the point, whatever they are; None: no limit.
    """

    exponents: Span | None
    exponent_digits: int = 3
    whole: int | None = None
    significant_fraction: int | None = None
    fraction: int | None = None


SATISFIED: Final = 2
"""Instead of a comparison: whatever follows, the value is on the right side of the end."""

_FAR: Final = -(10**9)
_START, _MINUS, _ZERO, _WHOLE, _POINT, _FRACTION = range(6)


class _Digits(NamedTuple):
    """The digits read.

    Attributes:
        phase: what was read last.
        negative: whether there is a minus sign.
        short: whether an exponent may still follow.
        point: power of ten above the first digit other than 0, so its place is 10^(point - 1); 0 if there is none.
        nonzero: whether there is one.
        places: number of digits after the point.
        low, high: sign of the first difference from each end of the range, or SATISFIED.
        remainder: of the digits, modulo what `Multiple` says.
        least: the least exponent that makes a multiple of them. Where digits are to come before there can be one, the
            least that can be.
    """

    phase: int
    negative: bool
    short: bool = True
    point: int = 0
    nonzero: bool = False
    places: int = 0
    low: int = 0
    high: int = 0
    remainder: int = 0
    least: int = 0


class _Exponent(NamedTuple):
    """After "e": the interval that the exponent must be in."""

    low: int
    high: int


State = _Digits | _Exponent | ExponentState
Move = tuple[int, int, State]


class Numerals:
    """Moves and acceptance, for `machine_from_steps`."""

    def __init__(
        self, notation: Notation, zero: bool, positive: Range, negative: Range, multiple: Multiple | None
    ) -> None:
        """
        Args:
            zero: whether 0 belongs to the language.
            positive, negative: the magnitudes of its other numbers.
        """
        self._notation = notation
        self._zero = zero
        self._ranges = positive, negative
        self._same_signs = positive == negative
        self._multiple = multiple
        self.start: State = _Digits(_START, negative=False, short=notation.exponents is not None)

    def moves(self, state: State) -> Iterator[Move]:
        """Byte ranges and the states after them."""
        if isinstance(state, _Exponent):
            yield from exponents.sign_moves(state.low, state.high, self._notation.exponent_digits)
        elif isinstance(state, _Digits):
            yield from self._mantissa_moves(state)
        else:
            yield from exponents.digit_moves(state)

    def accepting(self, state: State) -> bool:
        """Whether the numeral may end here."""
        if isinstance(state, _Exponent):
            return False
        if not isinstance(state, _Digits):
            return exponents.is_complete(state)
        if state.phase not in (_ZERO, _WHOLE, _FRACTION):
            return False
        low, high = self._interval(state, (0, 0))
        return low <= high

    def _mantissa_moves(self, at: _Digits) -> Iterator[Move]:
        if at.phase == _START:
            yield 0x2D, 0x2D, at._replace(phase=_MINUS, negative=not self._same_signs)
        if at.phase in (_ZERO, _WHOLE) and self._notation.fraction != 0:
            point = self._settled(at._replace(phase=_POINT))
            if point is not None:
                yield 0x2E, 0x2E, point
        if at.phase != _ZERO:
            yield from self._digit_moves(at)
        if self._notation.exponents is not None and at.short and at.phase in (_ZERO, _WHOLE, _FRACTION):
            interval = self._interval(at, self._notation.exponents)
            if interval != EMPTY:
                yield 0x45, 0x45, _Exponent(*interval)
                yield 0x65, 0x65, _Exponent(*interval)

    def _digit_moves(self, at: _Digits) -> Iterator[Move]:
        fraction = self._notation.fraction
        if at.phase in (_POINT, _FRACTION) and fraction is not None and at.places >= fraction:
            return
        low = 0
        outcome: _Digits | None = None
        for digit in range(11):
            after = self._after(at, digit) if digit < 10 else None
            if digit and after != outcome:
                if outcome is not None:
                    yield 0x30 + low, 0x30 + digit - 1, outcome
                low = digit
            outcome = after

    def _after(self, at: _Digits, digit: int) -> _Digits | None:
        """The state after a digit, None if nothing in the language goes on so."""
        in_fraction = at.phase in (_POINT, _FRACTION)
        places = at.places + in_fraction
        phase = _FRACTION if in_fraction else _WHOLE if digit or at.nonzero else _ZERO
        if not digit and not at.nonzero:
            return self._settled(at._replace(phase=phase, places=places))
        index = at.point + at.places if at.nonzero else 0
        point = at.point + (not in_fraction) if at.nonzero else (1 - places)
        low, high = self._ranges[at.negative].low, self._ranges[at.negative].high
        remainder, least = self._multiple_step(at, digit, places)
        return self._settled(
            _Digits(
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
        if phase == _WHOLE:
            return whole is None or point <= whole
        return fraction is None or not digit or places <= fraction

    def _multiple_step(self, at: _Digits, digit: int, places: int) -> tuple[int, int]:
        """Remainder and least exponent after a digit."""
        multiple = self._multiple
        if multiple is None:
            return 0, 0
        remainder = (at.remainder * 10 + digit) % multiple.modulus
        if remainder % multiple.rest:
            return remainder, multiple.power + places + 1
        if digit:
            return remainder, multiple.power + multiple.missing(at.remainder, digit) + places
        return remainder, at.least - (at.phase == _WHOLE)

    def _interval(self, at: _Digits, exponents_: Span) -> Span:
        """Which of these exponents give a number of the language."""
        low, high = exponents_
        if not at.nonzero:
            return exponents_ if self._zero else EMPTY
        ends = self._ranges[at.negative]
        if ends.is_empty:
            return EMPTY
        read = at.point + at.places
        if ends.low is not None and at.low != SATISFIED:
            order = ends.low.order(at.low, read)
            fits = order > 0 or (order == 0 and ends.low.included)
            low = max(low, ends.low.point - at.point + (not fits))
        if ends.high is not None and at.high != SATISFIED:
            order = ends.high.order(at.high, read)
            fits = order < 0 or (order == 0 and ends.high.included)
            high = min(high, ends.high.point - at.point - (not fits))
        if self._multiple is not None:
            low = high + 1 if at.remainder % self._multiple.rest else max(low, at.least)
        return (low, high) if low <= high else EMPTY

    def _settled(self, at: _Digits) -> _Digits | None:
        """The state without what nothing depends on any more; None if no number of the language begins so."""
        ends = self._ranges[at.negative]
        if not at.nonzero:
            return at._replace(places=self._useful_places(at, ends)) if at.places else at
        if ends.is_empty:
            return None
        settled = self._with_ends_met(at, ends)
        if settled is None:
            return None
        least = settled.least
        in_whole = settled.phase == _WHOLE
        if self._multiple is not None and not settled.short:
            least = max(least, 0)
            if least > 0 and not in_whole and self._multiple.power + settled.places >= 0:
                return None  # what is behind the multiple's last place stays
        point = settled.point
        if settled.low == SATISFIED and settled.high == SATISFIED:
            point = min(point, (self._notation.whole or 0) + 1) if in_whole else 0
        return settled._replace(places=self._useful_places(settled, ends), point=point, least=least)

    def _with_ends_met(self, at: _Digits, ends: Range) -> _Digits | None:
        """Comparisons whose outcome is known, as such; None if an end cannot be met."""
        low, high = at.low, at.high
        if ends.low is None:
            low = SATISFIED
        if ends.high is None:
            high = SATISFIED
        final = at.phase != _WHOLE  # the first digit's place is known
        # Every multiple that begins with these digits is 10^(point - 1 + fewest) at least.
        fewest = _FAR
        if self._multiple is not None:
            fewest = min(at.least, self._multiple.power + at.places + 1)
        if ends.low is not None and low != SATISFIED:
            ahead = at.point - ends.low.point
            known_above = ahead > 0 or (final and ahead == 0 and low > 0)
            if ahead + fewest > 0 or (known_above and not at.short):
                low = SATISFIED
            elif final and not known_above and (ahead < 0 or low < 0) and not at.short:
                return None
        if ends.high is not None and high != SATISFIED:
            ahead = at.point - ends.high.point
            known_above = ahead > 0 or (final and ahead == 0 and high > 0)
            if ahead + fewest > 0 or (known_above and not at.short):
                return None
            if final and (ahead < 0 or high < 0) and not at.short:
                high = SATISFIED
        return at._replace(low=low, high=high)

    def _useful_places(self, at: _Digits, ends: Range) -> int:
        """The number of places after the point, or the least one that no continuation tells apart from it."""
        most = self._notation.fraction or 0
        if at.short and self._notation.exponents is not None:
            most = max(most, self._notation.significant_fraction or 0)
        if self._multiple is not None:
            most = max(most, -self._multiple.power)
            if at.nonzero and ends.high is not None:
                # One more digit other than 0 and the number has more digits than multiples below the end.
                useful = max(ends.high.point - self._multiple.power - at.point, 0)
                most = max(min(most, useful), self._notation.fraction or 0)
        for end, order in ((ends.low, at.low), (ends.high, at.high)):
            if end is not None and order == 0:
                most = max(most, len(end.digits) - at.point if at.nonzero else -end.point + 1)
        return min(at.places, most)


def _difference(digit: int, end: End | None, index: int) -> int:
    """Sign of (digit - the end's)."""
    if end is None:
        return 0
    other = end.digit(index)
    return (digit > other) - (digit < other)
