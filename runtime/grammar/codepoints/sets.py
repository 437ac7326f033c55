"""Sets of Unicode code points."""

from __future__ import annotations

from collections.abc import Iterable

Interval = tuple[int, int]
"""First and last code point, both included."""
Intervals = tuple[Interval, ...]
"""Disjoint, in rising order, never adjacent."""

LAST = 0x10FFFF
ALL: Intervals = ((0, 0xD7FF), (0xE000, LAST))  # surrogates are not characters
WORD: Intervals = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
"""Word characters of ECMA-262."""


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


def with_surrogates(intervals: Intervals) -> Intervals:
    """The set as fewer intervals: surrogates count as members where U+D7FF is one."""
    result: list[Interval] = []
    for low, high in intervals:
        high = 0xDFFF if high == 0xD7FF else high
        if result and result[-1][1] + 1 == low:
            low = result.pop()[0]
        result.append((low, high))
    return tuple(result)
