"""What a caller may want to know the probability of: stretches of a completion, found while it is written.

Offsets are in symbols: a byte of text is one symbol, a special token is one too.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Field:
    """A stretch of a completion that holds a value.

    Attributes:
        key: names the field to the caller; one completion has no two fields of a key.
        start: offset of the value's first symbol.
        end: offset after its last; None if it goes on beyond what is written so far.
        values: how the values that may stand here are written, if they are few and known; empty otherwise. What is
            written is one of them, or the beginning of one. A byte FF is a special token.
        continues: bytes that would go on with a value where it could end, such as the digits after a number.
    """

    key: Hashable
    start: int
    end: int | None
    values: tuple[bytes, ...] = ()
    continues: bytes = b""


FieldReader = Callable[[Sequence[int]], Sequence[Field]]
"""Finds the fields in the tokens generated so far, without an end token. The engine's threads call it, one per request."""


@dataclass(frozen=True, slots=True)
class FieldProbability:
    """How likely a field's value was under the constrained posterior, given what precedes it.

    Attributes:
        written: the value that stands there; a special token in it is a byte FF, which no text has.
        probability: of that value.
        values: the field's values and the probability of each, summing to 1; empty if they are not known.
    """

    key: Hashable
    written: bytes
    probability: float
    values: tuple[tuple[bytes, float], ...] = ()
