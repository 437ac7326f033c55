"""Large counts in regular expressions as limits on the length of the text, where that is equivalent."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from agentfast.runtime.grammar.regex.parser import (
    Anchor,
    Boundary,
    Chars,
    Concat,
    Look,
    Quantified,
    Regex,
    Union,
)

_LARGE: Final = 32
"""Counts from here on are worth a counter."""

Limits = tuple[int, int | None]
"""Shortest and longest text, in code points; None is without end."""


def without_count(expression: Regex) -> tuple[Regex, Limits]:
    """The expression with one large count taken out, and the limits on the length that stand for it.

    That is so where the expression matches whole texts and all else in it has a fixed length: `^a{1,500}b$` is what
    matches `^a*b$` with 2 to 501 code points.
    """
    parts = _parts(expression)
    widths = [_width(part) for part in parts]
    open_ones = [index for index, width in enumerate(widths) if width is None]
    whole = parts[:1] == [Anchor(at_start=True)] and parts[-1:] == [Anchor(at_start=False)]
    if not whole or len(open_ones) != 1:
        return expression, (0, None)
    index = open_ones[0]
    counted = parts[index]
    if (
        not isinstance(counted, Quantified)
        or not isinstance(counted.item, Chars)
        or max(counted.least, counted.most or 0) < _LARGE
    ):
        return expression, (0, None)
    parts[index] = replace(counted, least=0, most=None)
    fixed = sum(width for width in widths if width is not None)
    most = None if counted.most is None else fixed + counted.most
    return Concat(tuple(parts)), (fixed + counted.least, most)


def _parts(expression: Regex) -> list[Regex]:
    """Parts of a concatenation, nested ones opened."""
    if not isinstance(expression, Concat):
        return [expression]
    return [inner for part in expression.parts for inner in _parts(part)]


def _width(expression: Regex) -> int | None:
    """Number of code points of every match; None if that differs."""
    match expression:
        case Chars():
            return 1
        case Anchor() | Boundary() | Look():
            return 0
        case Quantified():
            width = _width(expression.item)
            fixed = width is not None and expression.least == expression.most
            # A large fixed count of characters is one that can be taken out.
            large = isinstance(expression.item, Chars) and expression.least >= _LARGE
            return width * expression.least if width is not None and fixed and not large else None
        case Concat():
            widths = [_width(part) for part in expression.parts]
            known = [width for width in widths if width is not None]
            return sum(known) if len(known) == len(widths) else None
        case Union():
            return _common([_width(option) for option in expression.options])


def _common(widths: list[int | None]) -> int | None:
    return widths[0] if widths and len(set(widths)) == 1 else None
