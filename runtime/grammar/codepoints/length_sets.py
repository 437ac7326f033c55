"""Sets of lengths that a text may have."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import Final

LengthSet = tuple[int, ...]
"""The rising numbers at which membership changes, from "not in" on: (2, 5) is 2 to 4, (0,) is every number."""

NO_LENGTH: Final[LengthSet] = ()
EVERY_LENGTH: Final[LengthSet] = (0,)


def between(least: int, most: int | None) -> LengthSet:
    """`least` to `most`, both included; `most` None is without end."""
    if most is None:
        return (max(least, 0),)
    return (max(least, 0), most + 1) if most >= max(least, 0) else NO_LENGTH


def holds(lengths: LengthSet, number: int) -> bool:
    """Test whether a number is in the set."""
    return bisect_right(lengths, number) % 2 == 1


def spans(lengths: LengthSet) -> list[tuple[int, int | None]]:
    """The set as ranges, both ends included; None is without end."""
    ends = [end - 1 for end in lengths[1::2]]
    return list(zip(lengths[::2], [*ends, None][: (len(lengths) + 1) // 2], strict=True))


def both(left: bool, right: bool) -> bool:
    """Intersection, as a choice of `combine`."""
    return left and right


def either(left: bool, right: bool) -> bool:
    """Union, as a choice of `combine`."""
    return left or right


@lru_cache(maxsize=4096)
def combine(left: LengthSet, right: LengthSet, keep: Callable[[bool, bool], bool]) -> LengthSet:
    """The numbers for which `keep` says so of (in left, in right)."""
    result: list[int] = []
    for cut in sorted({0, *left, *right}):
        if keep(holds(left, cut), holds(right, cut)) != len(result) % 2:
            result.append(cut)
    return tuple(result)


def complement_of(lengths: LengthSet) -> LengthSet:
    """The numbers that are not in the set."""
    return lengths[1:] if lengths[:1] == (0,) else (0, *lengths)


def simplified(lengths: LengthSet, least: int, most: int | None) -> LengthSet:
    """The set with the fewest changes that agrees with `lengths` on least..most."""
    inner = [cut for cut in lengths if least < cut and (most is None or cut <= most)]
    return tuple(inner) if not holds(lengths, least) else (0, *inner)
