"""Multiples of a decimal, as a condition on the digits of a decimal and its exponent.

A multiple-of value is factor * 10^power with a factor that 10 does not divide, so factor = rest * prime^times with
prime 2 or 5 and no 2 or 5 in rest. A number is written digits * 10^last, with `last` the power of its last digit other
than 0. It is a multiple when rest divides the digits and last - power makes up for the primes that the digits lack:
10^n has each of them n times.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from agentfast.errors import GrammarError

MAX_FACTOR = 10_000
"""The largest factor that is tried: a state for each remainder is needed at least."""


@dataclass(frozen=True)
class MultipleOf:
    """factor * 10^power, and factor = rest * prime^times."""

    factor: int
    power: int
    prime: int
    times: int

    @classmethod
    def from_decimal(cls, value: Decimal, *, integral: bool = False) -> MultipleOf:
        """The multiples of a positive decimal; with `integral`, those of them that are integers.

        Raises:
            GrammarError: the value is not positive, or has too many digits.
        """
        if not value.is_finite() or value <= 0:
            raise GrammarError(
                f"a multiple of {value} is not defined", hint="multipleOf must be greater than 0"
            )
        if abs(value.adjusted()) > 400:
            raise GrammarError(f"the multiples of {value} are too far from 1")
        factor, power = (Fraction(value).numerator, 0) if integral else _scaled(value)
        while factor % 10 == 0:
            factor, power = factor // 10, power + 1
        if factor > MAX_FACTOR:
            raise GrammarError(
                f"the multiples of {value} need a state for each of {factor:,} remainders",
                hint="use a value with fewer digits, or state it in the description",
            )
        prime = 2 if factor % 2 == 0 else 5
        times, rest = 0, factor
        while rest % prime == 0:
            times, rest = times + 1, rest // prime
        return cls(factor, power, prime, times)

    @cached_property
    def rest(self) -> int:
        """Part of the factor that is coprime to ten."""
        return self.factor // int(self.prime**self.times)

    @cached_property
    def modulus(self) -> int:
        """Modulus of the remainder that is kept of the digits so far: the next one brings one more prime."""
        return self.rest * int(self.prime ** max(self.times - 1, 0))

    def missing(self, remainder: int, digit: int) -> int:
        """Number of primes that the digits lack, with a further digit other than 0.

        Args:
            remainder: of the digits before, modulo `modulus`.
        """
        digits = remainder * 10 + digit
        return next(lack for lack in range(self.times + 1) if digits % self.prime ** (self.times - lack) == 0)


def _scaled(value: Decimal) -> tuple[int, int]:
    _, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)  # it is finite
    return int("".join(map(str, digits))), exponent
