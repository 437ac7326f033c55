"""State of a decimal automaton: the digits read, reduced to what a language of numbers depends on.

With the significant digits read and the power of ten of the first one, every condition on the value leaves an interval
of exponents: the comparison with an end of the range is one of the powers, unless these are equal; then the digits
decide. So a state holds the place of the digits, the first difference from each end, and a remainder. `settled` takes
out of it what no continuation depends on, which keeps the state space close to the minimal automaton.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from agentfast.runtime.grammar.numbers.exponent import EMPTY, Span
from agentfast.runtime.grammar.numbers.multiple_of import MultipleOf
from agentfast.runtime.grammar.numbers.ranges import Range


@dataclass(frozen=True)
class Notation:
    """Notation of a number: exponent, and limits on its digits.

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
START, MINUS, ZERO, WHOLE, POINT, FRACTION = range(6)


class DigitState(NamedTuple):
    """The digits read.

    Attributes:
        phase: what was read last.
        negative: whether there is a minus sign.
        short: whether an exponent may still follow.
        point: power of ten above the first digit other than 0, so its place is 10^(point - 1); 0 if there is none.
        nonzero: whether there is one.
        places: number of digits after the point.
        low, high: sign of the first difference from each end of the range, or SATISFIED.
        remainder: of the digits, modulo what `MultipleOf` says.
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


@dataclass(frozen=True)
class Conditions:
    """A language of numbers.

    Attributes:
        zero: whether 0 belongs to it.
        ranges: of the magnitudes of its positive and of its negative numbers.
        multiple: of which they are multiples.
    """

    notation: Notation
    zero: bool
    ranges: tuple[Range, Range]
    multiple: MultipleOf | None

    def interval(self, at: DigitState, exponents_: Span) -> Span:
        """Interval of the exponents that give a number of the language."""
        low, high = exponents_
        if not at.nonzero:
            return exponents_ if self.zero else EMPTY
        ends = self.ranges[at.negative]
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
        if self.multiple is not None:
            low = high + 1 if at.remainder % self.multiple.rest else max(low, at.least)
        return (low, high) if low <= high else EMPTY

    def settled(self, at: DigitState) -> DigitState | None:
        """Canonical form of a state, without irrelevant details; None if no number of the language begins so."""
        ends = self.ranges[at.negative]
        if not at.nonzero:
            return at._replace(places=self._useful_places(at, ends)) if at.places else at
        if ends.is_empty:
            return None
        settled = self._with_ends_met(at, ends)
        if settled is None:
            return None
        least = settled.least
        in_whole = settled.phase == WHOLE
        if self.multiple is not None and not settled.short:
            least = max(least, 0)
            if least > 0 and not in_whole and self.multiple.power + settled.places >= 0:
                return None  # what is behind the multiple's last place stays
        point = settled.point
        if settled.low == SATISFIED and settled.high == SATISFIED:
            point = min(point, (self.notation.whole or 0) + 1) if in_whole else 0
        return settled._replace(places=self._useful_places(settled, ends), point=point, least=least)

    def _with_ends_met(self, at: DigitState, ends: Range) -> DigitState | None:
        """Comparisons whose outcome is known, as such; None if an end cannot be met."""
        low, high = at.low, at.high
        if ends.low is None:
            low = SATISFIED
        if ends.high is None:
            high = SATISFIED
        final = at.phase != WHOLE  # the first digit's place is known
        # Every multiple that begins with these digits is 10^(point - 1 + fewest) at least.
        fewest = _FAR
        if self.multiple is not None:
            fewest = min(at.least, self.multiple.power + at.places + 1)
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

    def _useful_places(self, at: DigitState, ends: Range) -> int:
        """The number of places after the point, or the least one that no continuation tells apart from it."""
        most = self.notation.fraction or 0
        if at.short and self.notation.exponents is not None:
            most = max(most, self.notation.significant_fraction or 0)
        if self.multiple is not None:
            most = max(most, -self.multiple.power)
            if at.nonzero and ends.high is not None:
                # One more digit other than 0 and the number has more digits than multiples below the end.
                useful = max(ends.high.point - self.multiple.power - at.point, 0)
                most = max(min(most, useful), self.notation.fraction or 0)
        for end, order in ((ends.low, at.low), (ends.high, at.high)):
            if end is not None and order == 0:
                most = max(most, len(end.digits) - at.point if at.nonzero else -end.point + 1)
        return min(at.places, most)
