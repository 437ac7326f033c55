"""Exponents of a decimal, between two integers: the digits after its "e".

A state says which continuations are left, for each number of digits to come, so that states with the same future are
the same, whatever came before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

Span = tuple[int, int]
"""From the first to the last, both included; EMPTY if there is none."""

EMPTY: Span = (0, -1)

ExponentState = tuple[Span, ...]
"""At index j, which values the last j digits may have if exactly j more are to come."""

Move = tuple[int, int, ExponentState]


def spans_of(low: int, high: int, digits: int) -> ExponentState:
    """The state before the digits of an unsigned exponent from `low` to `high`, of 1 to `digits` digits."""
    return EMPTY, *(_clip(low, high, j) for j in range(1, digits + 1))


def sign_moves(low: int, high: int, digits: int) -> Iterator[Move]:
    """Moves after the "e" of an exponent from `low` to `high`; a plus sign may be left out."""
    positive = spans_of(low, high, digits)
    negative = spans_of(-high, -low, digits)
    if _is_alive(positive):
        yield 0x2B, 0x2B, positive
        yield from digit_moves(positive)
    if _is_alive(negative):
        yield 0x2D, 0x2D, negative


@lru_cache(maxsize=65_536)
def digit_moves(state: ExponentState) -> tuple[Move, ...]:
    """Moves on a digit, neighbouring digits with the same outcome as one."""
    moves: list[Move] = []
    for digit in range(10):
        after = tuple(
            _clip(low - digit * 10**j, high - digit * 10**j, j) for j, (low, high) in enumerate(state[1:])
        )
        if moves and moves[-1][2] == after:
            moves[-1] = (moves[-1][0], 0x30 + digit, after)
        elif _is_alive(after):
            moves.append((0x30 + digit, 0x30 + digit, after))
    return tuple(moves)


def is_complete(state: ExponentState) -> bool:
    """Test whether the exponent may end here."""
    return state[0] != EMPTY


def _is_alive(state: ExponentState) -> bool:
    return any(span != EMPTY for span in state)


def _clip(low: int, high: int, digits: int) -> Span:
    low, high = max(low, 0), min(high, 10**digits - 1)
    return (low, high) if low <= high else EMPTY
