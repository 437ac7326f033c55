"""Byte automata of JSON string bodies, with a counter of code points.

`ANY_BODY` is well-formed Unicode in every escape. One character is one code point however it is written: raw UTF-8, a
short escape, \\uHHHH, or a pair of \\uHHHH for a code point beyond U+FFFF. Lone surrogates, which
are not characters, and raw controls are not accepted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from agentfast.runtime.grammar.codepoints.length_sets import LengthSet, holds

DEAD: Final = -1
CLOSED: Final = -2
"""Pseudo-place after the closing quote."""

Move = tuple[int, int, int, int]
"""From the first to the last byte go to a place, and count so many code points (0 or 1)."""


@dataclass(frozen=True, eq=False)
class Body:
    """Rest of a string after its opening quote, the closing one included; place 0 is the start.

    Attributes:
        moves: per place, disjoint moves in rising order.
        closer: the special token that stands for the closing quote; None where the quote is a byte, among the moves.
        ends: places at which the closer may come.
        lengths: per place the code points after which the quote or closer may come there; None is any number.
    """

    moves: tuple[tuple[Move, ...], ...]
    closer: str | None = None
    ends: frozenset[int] = frozenset()
    lengths: tuple[LengthSet, ...] | None = None

    @cached_property
    def digest(self) -> bytes:
        """Identifies the content."""
        return hashlib.sha256(
            repr((self.moves, self.closer, sorted(self.ends), self.lengths)).encode()
        ).digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Body) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def places(self) -> int:
        """Number of places."""
        return len(self.moves)

    @property
    def last_change(self) -> int:
        """Number of code points from which on no place closes differently."""
        return max((cut for lengths in self.lengths or () for cut in lengths), default=0)

    def closes(self, place: int, count: int) -> bool:
        """Test whether the end may come at a place after so many code points, if it may come there at all."""
        return self.lengths is None or holds(self.lengths[place], count)


(_TEXT, _ONE, _TWO, _THREE, _E0, _ED, _F0, _F4) = range(8)  # UTF-8: continuation bytes still to come
(_ESCAPE, _HEX1, _HEX2, _HEX3, _HEX4, _AFTER_D) = range(8, 14)
(_HIGH3, _HIGH4, _LOW_ESCAPE, _LOW_U, _LOW1, _LOW2, _LOW3, _LOW4) = range(14, 22)


def _hex(to: int, low: int = 0, high: int = 15) -> list[Move]:
    """Hexadecimal digits of either case whose value lies in low..high."""
    moves: list[Move] = []
    if low < 10:
        moves.append((0x30 + low, 0x30 + min(high, 9), to, 0))
    if high >= 10:
        first, last = max(low, 10) - 10, high - 10
        moves += [(0x41 + first, 0x41 + last, to, 0), (0x61 + first, 0x61 + last, to, 0)]
    return sorted(moves)


def _places() -> list[list[Move]]:
    moves: list[list[Move]] = [[] for _ in range(22)]
    # A code point is counted where it begins, so a full string stops before it starts one more.
    moves[_TEXT] = [
        (0x20, 0x21, _TEXT, 1),
        (0x22, 0x22, CLOSED, 0),
        (0x23, 0x5B, _TEXT, 1),
        (0x5C, 0x5C, _ESCAPE, 1),
        (0x5D, 0x7F, _TEXT, 1),
        (0xC2, 0xDF, _ONE, 1),
        (0xE0, 0xE0, _E0, 1),
        (0xE1, 0xEC, _TWO, 1),
        (0xED, 0xED, _ED, 1),
        (0xEE, 0xEF, _TWO, 1),
        (0xF0, 0xF0, _F0, 1),
        (0xF1, 0xF3, _THREE, 1),
        (0xF4, 0xF4, _F4, 1),
    ]
    moves[_ONE] = [(0x80, 0xBF, _TEXT, 0)]
    moves[_TWO] = [(0x80, 0xBF, _ONE, 0)]
    moves[_THREE] = [(0x80, 0xBF, _TWO, 0)]
    moves[_E0] = [(0xA0, 0xBF, _ONE, 0)]  # no overlong forms
    moves[_ED] = [(0x80, 0x9F, _ONE, 0)]  # no surrogates
    moves[_F0] = [(0x90, 0xBF, _TWO, 0)]
    moves[_F4] = [(0x80, 0x8F, _TWO, 0)]  # nothing beyond U+10FFFF
    moves[_ESCAPE] = sorted([(c, c, _TEXT, 0) for c in b'"\\/bfnrt'] + [(0x75, 0x75, _HEX1, 0)])
    moves[_HEX1] = sorted(_hex(_HEX2, 0, 12) + _hex(_AFTER_D, 13, 13) + _hex(_HEX2, 14, 15))
    moves[_HEX2] = _hex(_HEX3)
    moves[_HEX3] = _hex(_HEX4)
    moves[_HEX4] = _hex(_TEXT)
    moves[_AFTER_D] = sorted(_hex(_HEX3, 0, 7) + _hex(_HIGH3, 8, 11))
    moves[_HIGH3] = _hex(_HIGH4)
    moves[_HIGH4] = _hex(_LOW_ESCAPE)
    moves[_LOW_ESCAPE] = [(0x5C, 0x5C, _LOW_U, 0)]
    moves[_LOW_U] = [(0x75, 0x75, _LOW1, 0)]
    moves[_LOW1] = _hex(_LOW2, 13, 13)
    moves[_LOW2] = _hex(_LOW3, 12, 15)
    moves[_LOW3] = _hex(_LOW4)
    moves[_LOW4] = _hex(_TEXT)
    return moves


ANY_BODY: Final = Body(tuple(tuple(moves) for moves in _places()))
"""The body of any string."""

SHORT_ESCAPES: Final = {
    0x08: b"\\b",
    0x09: b"\\t",
    0x0A: b"\\n",
    0x0C: b"\\f",
    0x0D: b"\\r",
    0x22: b'\\"',
    0x5C: b"\\\\",
}
ESCAPES: Final = {code: b"\\u%04x" % code for code in range(0x20)} | SHORT_ESCAPES
"""Canonical JSON escapes, by byte."""


UNWRITABLE_IN_KEYS: Final = frozenset(b':{}[],"' + bytes(range(0x20)))
"""Bytes that a bare key cannot hold."""


@lru_cache(maxsize=256)
def unescaped(body: Body, closer: str) -> Body:
    """Raw form of a body: the same strings without escapes, closed by a special token."""
    order = [0]
    ids = {0: 0}
    rows: list[tuple[Move, ...]] = []
    for place in order:  # grows while it is read
        row: list[Move] = []
        for byte in range(256):
            to, count = _follow(body, place, ESCAPES.get(byte, bytes([byte])))
            if to < 0:
                continue
            if ids.setdefault(to, len(order)) == len(order):
                order.append(to)
            if row and row[-1][1:] == (byte - 1, ids[to], count):
                row[-1] = (row[-1][0], byte, ids[to], count)
            else:
                row.append((byte, byte, ids[to], count))
        rows.append(tuple(row))
    ends = frozenset(ids[place] for place in order if _follow(body, place, b'"')[0] == CLOSED)
    lengths = None if body.lengths is None else tuple(body.lengths[place] for place in order)
    return Body(tuple(rows), closer, ends, lengths)


@lru_cache(maxsize=256)
def bare_key(body: Body) -> Body:
    """Bare-key form of a body, closed by the colon, without the strings that hold one of `UNWRITABLE_IN_KEYS`."""
    raw = unescaped(body, ":")
    rows: list[tuple[Move, ...]] = []
    for place, moves in enumerate(raw.moves):
        row = [
            (byte, byte, to, count)
            for low, high, to, count in moves
            for byte in range(low, high + 1)
            if byte not in UNWRITABLE_IN_KEYS
        ]
        rows.append(tuple(sorted([*row, (0x3A, 0x3A, CLOSED, 0)] if place in raw.ends else row)))
    return Body(tuple(rows), lengths=raw.lengths)


def _follow(body: Body, place: int, data: bytes) -> tuple[int, int]:
    """Place after some bytes, DEAD for none, and the code points that begin in them."""
    total = 0
    for byte in data:
        if place < 0:
            return DEAD, 0
        moves = body.moves[place]
        place, count = next(((to, n) for low, high, to, n in moves if low <= byte <= high), (DEAD, 0))
        total += count
    return place, total
