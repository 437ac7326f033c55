"""Numbers in JSON's decimal notation, with exact bounds.

Integers are written without fraction or exponent. Numbers have an optional fraction; without bounds also an optional
exponent of one or two digits. With bounds, the fraction has at most 15 digits less those before the point in the
bounds: decimals of 15 digits stay distinct and in order as double precision, so a reader that uses it sees the bound
kept. "-0" is a number (and an integer) equal to 0, as in JSON.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

from agentfast.runtime.grammar.machine import Machine, machine_from_steps

MAX_STATES: Final = 100_000
_DOUBLE_DIGITS: Final = 15


@dataclass(frozen=True)
class Bounds:
    """The numbers between two ends, each with whether it belongs to them; None is no bound."""

    low: Decimal | None = None
    high: Decimal | None = None
    low_included: bool = True
    high_included: bool = True


class _Progress(NamedTuple):
    """The digits read so far against a bound's: how many (as far as it matters), and the first difference's sign."""

    digits: int
    sign: int


class _Magnitude:
    """Compares a decimal, digit by digit, with the magnitude of a bound."""

    def __init__(self, bound: Decimal) -> None:
        whole, _, fraction = format(abs(bound), "f").partition(".")
        self.negative = bound < 0
        self.whole = whole.lstrip("0") or "0"
        self.fraction = fraction.rstrip("0")

    def whole_digit(self, at: _Progress, digit: int) -> _Progress:
        if at.digits >= len(self.whole):
            return _Progress(len(self.whole) + 1, 1)
        return _Progress(at.digits + 1, at.sign or _sign(digit - int(self.whole[at.digits])))

    def end_whole(self, at: _Progress) -> _Progress:
        return _Progress(0, _sign(at.digits - len(self.whole)) or at.sign)

    def fraction_digit(self, at: _Progress, digit: int) -> _Progress:
        if at.digits >= len(self.fraction):
            return _Progress(at.digits, at.sign or _sign(digit))
        return _Progress(at.digits + 1, at.sign or _sign(digit - int(self.fraction[at.digits])))

    def end_fraction(self, at: _Progress) -> int:
        return at.sign or (-1 if at.digits < len(self.fraction) else 0)

    def order(self, magnitude: int, negative: bool) -> int:
        """Sign of (number - bound), from the sign of (|number| - |bound|) and the number's sign."""
        if self.negative:
            return -magnitude if negative else 1
        if not negative:
            return magnitude
        return 0 if magnitude == 0 and self.whole == "0" and not self.fraction else -1


class _State(NamedTuple):
    """Where a number is: "start", "minus", "zero", "whole", "point" or "fraction"."""

    phase: str
    negative: bool
    low: _Progress
    high: _Progress
    fraction_digits: int


_FRESH = _Progress(0, 0)
_START = _State("start", negative=False, low=_FRESH, high=_FRESH, fraction_digits=0)


class _BoundedNumber:
    def __init__(self, bounds: Bounds, integral: bool) -> None:
        self._bounds = bounds
        self._low = _Magnitude(bounds.low if bounds.low is not None else Decimal(0))
        self._high = _Magnitude(bounds.high if bounds.high is not None else Decimal(0))
        self._integral = integral
        whole = max(len(m.whole) for m in (self._low, self._high))
        fraction = max(len(m.fraction) for m in (self._low, self._high))
        self._most_fraction = max(_DOUBLE_DIGITS - whole, fraction, 1)

    def machine(self) -> Machine:
        return machine_from_steps(_START, self._moves, self._accepting, MAX_STATES)

    def _moves(self, state: _State) -> Iterator[tuple[int, int, _State]]:
        if state.phase == "start":
            yield 0x2D, 0x2D, state._replace(phase="minus", negative=True)
        if state.phase in ("zero", "whole") and not self._integral:
            yield (
                0x2E,
                0x2E,
                state._replace(
                    phase="point", low=self._low.end_whole(state.low), high=self._high.end_whole(state.high)
                ),
            )
        if state.phase != "zero":
            for digit in range(10):
                after = self._digit(state, digit)
                if after is not None:
                    yield 0x30 + digit, 0x30 + digit, after

    def _digit(self, state: _State, digit: int) -> _State | None:
        if state.phase in ("point", "fraction"):
            if state.fraction_digits >= self._most_fraction:
                return None
            low = self._low.fraction_digit(state.low, digit)
            high = self._high.fraction_digit(state.high, digit)
            return _State("fraction", state.negative, low, high, state.fraction_digits + 1)
        phase = "zero" if digit == 0 and state.phase != "whole" else "whole"
        low = self._low.whole_digit(state.low, digit)
        high = self._high.whole_digit(state.high, digit)
        return _State(phase, state.negative, low, high, 0)

    def _accepting(self, state: _State) -> bool:
        if state.phase not in ("zero", "whole", "fraction"):
            return False
        low, high = state.low, state.high
        if state.phase != "fraction":
            low, high = self._low.end_whole(low), self._high.end_whole(high)
        above = self._low.order(self._low.end_fraction(low), state.negative)
        below = -self._high.order(self._high.end_fraction(high), state.negative)
        bounds = self._bounds
        return (bounds.low is None or above > 0 or (above == 0 and bounds.low_included)) and (
            bounds.high is None or below > 0 or (below == 0 and bounds.high_included)
        )


def _sign(value: int) -> int:
    return (value > 0) - (value < 0)


@lru_cache(maxsize=256)
def number_machine(bounds: Bounds, *, integral: bool) -> Machine:
    """Machine of the numbers, or integers, within bounds; see the module for how they are written.

    Raises:
        GrammarError: a bound has so many digits that the machine would be too large.
    """
    if integral or bounds.low is not None or bounds.high is not None:
        return _BoundedNumber(bounds, integral).machine()
    return machine_from_steps(
        "start", _plain_moves, lambda s: s in ("zero", "whole", "fraction", "e1", "e2"), 20
    )


_PLAIN: Final[dict[str, list[tuple[int, int, str]]]] = {
    "start": [(0x2D, 0x2D, "minus"), (0x30, 0x30, "zero"), (0x31, 0x39, "whole")],
    "minus": [(0x30, 0x30, "zero"), (0x31, 0x39, "whole")],
    "zero": [(0x2E, 0x2E, "point"), (0x45, 0x45, "e"), (0x65, 0x65, "e")],
    "whole": [(0x2E, 0x2E, "point"), (0x30, 0x39, "whole"), (0x45, 0x45, "e"), (0x65, 0x65, "e")],
    "point": [(0x30, 0x39, "fraction")],
    "fraction": [(0x30, 0x39, "fraction"), (0x45, 0x45, "e"), (0x65, 0x65, "e")],
    "e": [(0x2B, 0x2B, "sign"), (0x2D, 0x2D, "sign"), (0x30, 0x39, "e1")],
    "sign": [(0x30, 0x39, "e1")],
    "e1": [(0x30, 0x39, "e2")],
    "e2": [],
}


def _plain_moves(state: str) -> list[tuple[int, int, str]]:
    return _PLAIN[state]
