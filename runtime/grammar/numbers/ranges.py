"""Ranges of magnitudes: the numbers of one sign within bounds, and how digits compare with an end of the range."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Bounds:
    """The numbers between two ends, each with whether it belongs to them; None is no bound."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_included: bool = True
    high_included: bool = True

    def hold(self, value: Decimal) -> bool:
        """Test whether a number is within them."""
        return (self.low is None or value > self.low or (value == self.low and self.low_included)) and (
            self.high is None or value < self.high or (value == self.high and self.high_included)
        )

    @property
    def are_absent(self) -> bool:
        """True if every number is within them."""
        return self.low is None and self.high is None

    def mirrored(self) -> Bounds:
        """The bounds of the numbers with the other sign."""
        return Bounds(
            None if self.high is None else -self.high,
            None if self.low is None else -self.low,
            self.high_included,
            self.low_included,
        )


@dataclass(frozen=True)
class End:
    """An end of a range of magnitudes above 0: 0.DIGITS * 10^point.

    Attributes:
        digits: without zeros at either end.
        included: whether the end itself is in the range.
    """

    digits: tuple[int, ...]
    point: int
    included: bool

    @classmethod
    def of(cls, value: Decimal, included: bool) -> End:
        """The end at a positive number."""
        digits = value.as_tuple().digits
        while digits[-1] == 0:
            digits = digits[:-1]
        return cls(digits, value.adjusted() + 1, included)

    def digit(self, index: int) -> int:
        """The digit at an index, 0 beyond the last one."""
        return self.digits[index] if index < len(self.digits) else 0

    def order(self, order: int, read: int) -> int:
        """Sign of (digits read - these), from the sign of the first difference among `read` digits, 0 for none."""
        return order or (-1 if read < len(self.digits) else 0)


@dataclass(frozen=True)
class Range:
    """Magnitudes above 0 between two ends; None is no end. Nothing is in it where `is_empty`."""

    low: End | None = None
    high: End | None = None
    is_empty: bool = False

    @classmethod
    def of(cls, bounds: Bounds) -> Range:
        """The positive numbers within bounds."""
        low, high = bounds.low, bounds.high
        if high is not None and high <= 0:
            return cls(is_empty=True)
        return cls(
            None if low is None or low <= 0 else End.of(low, bounds.low_included),
            None if high is None else End.of(high, bounds.high_included),
        )
