"""Encoding of an automaton over code points as one over UTF-8 or JSON bytes, with code points counted.

Between two code points the byte automaton is in a state of the text's automaton. Inside one it is at what the bytes
still to come make of it: a map from the rest of the code point's number to states. Equal maps are one place, so the
places inside a code point are shared by all ways to the same states, and there are many only where the number matters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton.string_body import CLOSED, Body, Move
from agentfast.runtime.grammar.codepoints.automaton import States

Encoding = Literal["plain", "canonical", "any"]
"""plain: UTF-8 without quotes. canonical: a JSON string with escapes only where JSON needs them, as
`json.dumps(..., ensure_ascii=False)` writes it. any: a JSON string with each code point in any way that JSON has."""

MAX_PLACES: Final = 100_000
"""Most places of a byte automaton."""

Map = tuple[tuple[int, Hashable], ...]
"""(first number, what follows): each reaches to the next one's first number. None is nothing."""
Split = Iterator[tuple[int, int, Map]]
PlaceMove = tuple[int, int, Hashable]

_LETTERS: Final = {0x08: "b", 0x09: "t", 0x0A: "n", 0x0C: "f", 0x0D: "r", 0x22: '"', 0x5C: "\\"}
_BEYOND: Final = 0x110000
_LEADS: Final = (  # first code point, first lead byte, lead bytes, continuation bytes
    (0x80, 0xC0, 32, 1),
    (0x800, 0xE0, 16, 2),
    (0x10000, 0xF0, 5, 3),
)


@dataclass(frozen=True, slots=True)
class Between:
    """Between two code points, in a state of the text's automaton."""

    state: int


_CLOSING: Final = "closing quote"


@dataclass(frozen=True, slots=True)
class _Continuation:
    """So many bytes of UTF-8 to come."""

    count: int
    rest: Map


@dataclass(frozen=True, slots=True)
class _Escape:
    """After a backslash: the letters that may come, and the targets of four hexadecimal digits."""

    letters: Map
    digits: Map
    both_cases: bool


@dataclass(frozen=True, slots=True)
class _Digits:
    """So many hexadecimal digits to come."""

    count: int
    rest: Map
    both_cases: bool


@dataclass(frozen=True, slots=True)
class _Low:
    """In the second half of a surrogate pair; `read` counts its bytes so far."""

    read: int
    rest: Map


class Utf8Encoder:
    """Byte automaton of an automaton's texts, lengths left aside; places are made lazily.

    Unless the encoding is plain, the closing quote is the end.

    Attributes:
        places: what each place is, the start first.
    """

    def __init__(self, automaton: States, encoding: Encoding) -> None:
        self.places: list[Hashable] = [Between(0)]
        self._ids: dict[Hashable, int] = {Between(0): 0, _CLOSING: CLOSED}
        self._byte_moves = _ByteMoves(automaton, encoding)

    def moves(self, place: int) -> tuple[Move, ...]:
        """The moves from a place; they are found anew each time."""
        at = self.places[place]
        row: list[Move] = []
        for low, high, to in sorted(self._byte_moves.moves(at), key=lambda move: move[:2]):
            if self._ids.setdefault(to, len(self.places)) == len(self.places):
                self.places.append(to)
            row.append((low, high, self._ids[to], int(isinstance(at, Between) and to != _CLOSING)))
        return tuple(row)

    def body(self) -> Body:
        """All places and moves.

        Raises:
            GrammarError: too many places.
        """
        moves: list[tuple[Move, ...]] = []
        while len(moves) < len(self.places):
            if len(self.places) > MAX_PLACES:
                raise GrammarError(f"writing the texts takes more than {MAX_PLACES} states")
            moves.append(self.moves(len(moves)))
        return Body(tuple(moves))


class _ByteMoves:
    def __init__(self, automaton: States, encoding: Encoding) -> None:
        self._automaton = automaton
        self._encoding = encoding

    def moves(self, place: Hashable) -> list[PlaceMove]:
        match place:
            case Between():
                return self._between(place.state)
            case _Continuation():
                split = _split(place.rest, 64, 64 ** (place.count - 1))
                return [(0x80 + a, 0x80 + b, _continuation(place.count - 1, rest)) for a, b, rest in split]
            case _Escape():
                moves: list[PlaceMove] = [(letter, letter, to) for letter, to in place.letters]
                if place.digits != _NONE:
                    moves.append((0x75, 0x75, _Digits(4, place.digits, place.both_cases)))
                return moves
            case _Digits():
                return _hexadecimal(place)
            case _Low():
                return _second_half(place)
            case _:
                raise AssertionError(f"unknown place {place!r}")

    def _between(self, state: int) -> list[PlaceMove]:
        row = self._automaton.row(state)
        by_code = tuple((first, None if self._is_dead(to) else Between(to)) for first, to in row)
        moves: list[PlaceMove] = []
        for low, high, rest in _split(_window(by_code, 0, 0x80), 0x80, 1):
            moves += [(a, b, rest[0][1]) for a, b in self._unescaped(low, high)]
        well_formed = _concatenated(
            (0, _window(by_code, 0, 0xD800)),
            (0xD800, _NONE),
            (0xE000, _after(by_code, 0xE000)),
            (0x110000, _NONE),  # the last lead byte could begin more than there are code points
        )
        for first, byte, count, more in _LEADS:
            size = 64**more
            window = _concatenated((0, _NONE), (first, _window(well_formed, first, count * size - first)))
            moves += [
                (byte + a, byte + b, _continuation(more, rest)) for a, b, rest in _split(window, count, size)
            ]
        if self._encoding != "plain":
            moves += self._escape(_window(by_code, 0, 0x10000), _after(by_code, 0x10000))
            if self._automaton.lengths_at(state):
                moves.append((0x22, 0x22, _CLOSING))
        return moves

    def _is_dead(self, state: int) -> bool:
        return not self._automaton.lengths_at(state) and self._automaton.row(state) == ((0, state),)

    def _unescaped(self, low: int, high: int) -> list[tuple[int, int]]:
        if self._encoding == "plain":
            return [(low, high)]
        allowed = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0x7F))
        return [(max(low, a), min(high, b)) for a, b in allowed if max(low, a) <= min(high, b)]

    def _escape(self, low: Map, high: Map) -> list[PlaceMove]:
        """The backslash, given where code points below and from U+10000 on lead."""
        any_way = self._encoding == "any"
        letters = tuple(
            (ord(letter), to)
            for code, letter in (_LETTERS | {0x2F: "/"} if any_way else _LETTERS).items()
            if (to := _at(low, code)) is not None
        )
        if any_way:
            pairs = [
                part
                for first, last, rest in _split(high, 1024, 1024)
                for part in ((0xD800 + first, _constant(_Low(0, rest))), (0xD800 + last + 1, _NONE))
            ]
            digits = _concatenated(
                (0, _window(low, 0, 0xD800)), (0xD800, _NONE), *pairs, (0xE000, _after(low, 0xE000))
            )
        else:
            controls = [
                part
                for code in range(0x20)
                if code not in _LETTERS
                for part in ((code, _constant(_at(low, code))), (code + 1, _NONE))
            ]
            digits = _concatenated((0, _NONE), *controls)
        if not letters and digits == _NONE:
            return []
        return [(0x5C, 0x5C, _Escape(letters, digits, any_way))]


_NONE: Final[Map] = ((0, None),)


def _constant(value: Hashable) -> Map:
    return ((0, value),)


def _at(numbers: Map, number: int) -> Hashable:
    return numbers[bisect_right(numbers, number, key=lambda item: item[0]) - 1][1]


def _after(numbers: Map, base: int) -> Map:
    """The map of number - base, for the numbers from `base` on."""
    return ((0, _at(numbers, base)), *((first - base, to) for first, to in numbers if first > base))


def _window(numbers: Map, base: int, size: int) -> Map:
    """The map of number - base, for `size` numbers from `base` on."""
    return tuple(item for item in _after(numbers, base) if item[0] < size)


def _concatenated(*parts: tuple[int, Map]) -> Map:
    """Maps put one behind the other, each where its number says."""
    result: list[tuple[int, Hashable]] = []
    for base, numbers in parts:
        for first, to in numbers:
            if result and result[-1][0] == base + first:
                result.pop()
            if not result or result[-1][1] != to:
                result.append((base + first, to))
    return tuple(result)


def _split(numbers: Map, count: int, size: int) -> Split:
    """Cut a map of count * size numbers into `count` equal ones; runs of equal ones as (first, last, map)."""
    pending: tuple[int, int, Map] | None = None
    segment = digit = 0
    while digit < count:
        base = digit * size
        while segment + 1 < len(numbers) and numbers[segment + 1][0] <= base:
            segment += 1
        cut = numbers[segment + 1][0] if segment + 1 < len(numbers) else count * size
        last = max(min(cut // size, count) - 1, digit)
        part = _window(numbers[segment:], base, size) if cut < base + size else _constant(numbers[segment][1])
        if pending is not None and pending[2] == part:
            pending = (pending[0], last, part)
        else:
            if pending is not None and pending[2] != _NONE:
                yield pending
            pending = (digit, last, part)
        digit = last + 1
    if pending is not None and pending[2] != _NONE:
        yield pending


def _continuation(count: int, rest: Map) -> Hashable:
    return _Continuation(count, rest) if count else rest[0][1]


def _hexadecimal(place: _Digits) -> list[PlaceMove]:
    moves: list[PlaceMove] = []
    for first, last, rest in _split(place.rest, 16, 16 ** (place.count - 1)):
        to = _Digits(place.count - 1, rest, place.both_cases) if place.count > 1 else rest[0][1]
        if first < 10:
            moves.append((0x30 + first, 0x30 + min(last, 9), to))
        if last >= 10:
            low, high = max(first, 10) - 10, last - 10
            moves += [(a + low, a + high, to) for a in ((0x41, 0x61) if place.both_cases else (0x61,))]
    return moves


def _second_half(place: _Low) -> list[PlaceMove]:
    if place.read < 2:
        byte = b"\\u"[place.read]
        return [(byte, byte, _Low(place.read + 1, place.rest))]
    if place.read == 2:
        return [(byte, byte, _Low(3, place.rest)) for byte in b"Dd"]
    moves: list[PlaceMove] = []
    for first, last, rest in _split(place.rest, 4, 256):
        to = _Digits(2, rest, both_cases=True)
        moves += [(a + first, a + last, to) for a in (0x43, 0x63)]
    return moves
