"""Sets of Unicode code points, and how UTF-8 and JSON strings write them as bytes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TypeVar, cast

from agentfast.runtime.grammar.machine import Machine, machine_from_steps

S = TypeVar("S", bound=Hashable)

Interval = tuple[int, int]
"""First and last code point, both included."""
Intervals = tuple[Interval, ...]
"""Disjoint, in rising order, never adjacent."""
ByteRanges = tuple[Interval, ...]
"""One byte range per byte of an encoded character."""

LAST = 0x10FFFF
ALL: Intervals = ((0, 0xD7FF), (0xE000, LAST))  # surrogates are not characters

_SHORT_ESCAPES = {
    0x08: b"\\b",
    0x09: b"\\t",
    0x0A: b"\\n",
    0x0C: b"\\f",
    0x0D: b"\\r",
    0x22: b'\\"',
    0x5C: b"\\\\",
}
_PLAIN_IN_JSON: Intervals = ((0x20, 0x21), (0x23, 0x5B), (0x5D, 0xD7FF), (0xE000, LAST))


def normalise(intervals: Iterable[Interval]) -> Intervals:
    """Union as disjoint intervals, surrogates left out."""
    merged: list[Interval] = []
    for low, high in sorted(intervals):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return intersect(tuple(merged), ALL)


def intersect(left: Intervals, right: Intervals) -> Intervals:
    """Code points in both."""
    pairs = ((max(a, c), min(b, d)) for a, b in left for c, d in right)
    return tuple(sorted(pair for pair in pairs if pair[0] <= pair[1]))


def complement(intervals: Intervals) -> Intervals:
    """Code points in neither `intervals` nor the surrogates."""
    result: list[Interval] = []
    low = 0
    for first, last in intervals:
        result.append((low, first - 1))
        low = last + 1
    result.append((low, LAST))
    return normalise(pair for pair in result if pair[0] <= pair[1])


@cache
def utf8(interval: Interval) -> tuple[ByteRanges, ...]:
    """Byte range sequences that together encode exactly the interval (Thompson's construction for UTF-8)."""
    low, high = interval
    for limit in (0x7F, 0x7FF, 0xFFFF):
        if low <= limit < high:
            return utf8((low, limit)) + utf8((limit + 1, high))
    if high <= 0x7F:
        return (((low, high),),)
    for shift in (6, 12, 18):
        mask = (1 << shift) - 1
        if low & ~mask != high & ~mask:
            if low & mask:
                return utf8((low, low | mask)) + utf8(((low | mask) + 1, high))
            if high & mask != mask:
                return utf8((low, (high & ~mask) - 1)) + utf8((high & ~mask, high))
    return (tuple(zip(chr(low).encode(), chr(high).encode(), strict=True)),)


@cache
def plain_encoding(intervals: Intervals) -> tuple[ByteRanges, ...]:
    """UTF-8 as it is."""
    return tuple(ranges for interval in intervals for ranges in utf8(interval))


@cache
def json_encoding(intervals: Intervals) -> tuple[ByteRanges, ...]:
    """As a JSON string writes them canonically: UTF-8, and escapes only for what must be escaped.

    Those are the quote, the backslash and the controls below U+0020, short where there is a short form, else
    \\u00xx in lower case: what `json.dumps(..., ensure_ascii=False)` writes.
    """
    result = list(plain_encoding(intersect(intervals, _PLAIN_IN_JSON)))
    for code in (*range(0x20), 0x22, 0x5C):
        if any(low <= code <= high for low, high in intervals):
            escape = _SHORT_ESCAPES.get(code, b"\\u%04x" % code)
            result.append(tuple((byte, byte) for byte in escape))
    return tuple(result)


@dataclass(frozen=True)
class _Partial:
    """Inside a character: the bytes that may still complete it, each with the state after it (None: the end)."""

    tails: tuple[tuple[ByteRanges, Hashable], ...]


_END = _Partial(())


def machine_over_codepoints(
    start: S,
    moves: Callable[[S], Iterable[tuple[Intervals, S]]],
    accepting: Callable[[S], bool],
    *,
    limit: int,
    quoted: bool,
) -> Machine:
    """Byte machine of an automaton over code points whose moves from one state are disjoint.

    Args:
        limit: most states before minimisation.
        quoted: write a JSON string (canonical escapes, both quotes); else plain UTF-8.

    Raises:
        GrammarError: more than `limit` states.
    """
    encode = json_encoding if quoted else plain_encoding
    quote: ByteRanges = ((0x22, 0x22),)

    def between(state: S) -> _Partial:
        tails: list[tuple[ByteRanges, Hashable]] = [
            (ranges, state_after) for intervals, state_after in moves(state) for ranges in encode(intervals)
        ]
        if quoted and accepting(state):
            tails.append((quote, _END))
        return _Partial(tuple(tails))

    def byte_moves(state: S | _Partial) -> list[tuple[int, int, S | _Partial]]:
        partial = state if isinstance(state, _Partial) else between(state)
        return [(low, high, cast("S | _Partial", after)) for low, high, after in _split_first(partial.tails)]

    def is_accepting(state: S | _Partial) -> bool:
        if isinstance(state, _Partial):
            return quoted and state == _END
        return not quoted and accepting(state)

    first: S | _Partial = _Partial(((quote, start),)) if quoted else start
    return machine_from_steps(first, byte_moves, is_accepting, limit)


def _split_first(tails: tuple[tuple[ByteRanges, Hashable], ...]) -> list[tuple[int, int, Hashable]]:
    """Group words by their first byte: disjoint ranges, each with what follows it."""
    cuts = sorted({ranges[0][0] for ranges, _ in tails} | {ranges[0][1] + 1 for ranges, _ in tails})
    result: list[tuple[int, int, Hashable]] = []
    for low, after in zip(cuts, cuts[1:], strict=False):
        rest = tuple((ranges[1:], to) for ranges, to in tails if ranges[0][0] <= low <= ranges[0][1])
        if rest:  # encodings are prefix-free: a word that is complete here is the only one
            result.append((low, after - 1, _Partial(rest) if rest[0][0] else rest[0][1]))
    return result
