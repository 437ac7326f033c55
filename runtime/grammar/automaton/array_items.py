"""Items of an array: a prefix one by one, then any number alike; with counters and a mask of unique values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.whitespace import Gaps

_COMMA: Final = nodes.Literal(b",")


@dataclass(frozen=True)
class ItemOption:
    """Option for an item: its node, the counters it raises, and its number among the values that come at most once."""

    node: nodes.Node
    counted: tuple[int, ...] = ()
    value: int | None = None


@dataclass(frozen=True)
class ItemCounter:
    """Bounds on the number of items that raise a counter."""

    least: int
    most: int | None

    @property
    def cap(self) -> int:
        """The last value that is told apart."""
        return self.least if self.most is None else self.most


@dataclass(frozen=True)
class _At:
    index: int
    counts: tuple[int, ...]
    mask: int


_START, _END, _FIRST = range(3)


class ArrayItems(nodes.Steps):
    """An array. Positions: before it, behind it, or an `_At` packed into a number.

    What follows an item does not depend on whether the item was the first, so that nesting does not double the states.
    """

    __slots__ = (
        "_cap",
        "_close",
        "_counters",
        "_first",
        "_later",
        "_least",
        "_most",
        "_open",
        "_options",
        "_prefix",
    )

    def __init__(
        self,
        prefix: Iterable[tuple[ItemOption, ...]],
        rest: tuple[ItemOption, ...],
        gaps: Gaps,
        size: ItemCounter,
        counters: tuple[ItemCounter, ...] = (),
    ) -> None:
        """
        Args:
            prefix, rest: what the first items, one by one, and the others may be. Options must not overlap.
            size: bounds on the number of items.
            counters: bounds on the numbers that options raise.
        """
        self._options = (*prefix, rest)
        self._prefix = len(self._options) - 1
        self._counters = counters
        self._least, self._most = size.least, size.most
        self._cap = max(self._prefix, size.least) if size.most is None else size.most
        self._open = nodes.Sequence(nodes.Literal(b"["), gaps.inside)
        self._close = (nodes.Literal(b"]"), nodes.Sequence(gaps.inside, nodes.Literal(b"]")))
        self._first = self._options[0]
        self._later = tuple(
            tuple(
                ItemOption(nodes.Sequence(_COMMA, gaps.after, option.node), option.counted, option.value)
                for option in options
            )
            for options in self._options
        )
        content = repr([[(o.counted, o.value) for o in options] for options in self._options])
        limits = repr((counters, size))
        digests = (option.node.digest for options in self._later for option in options)
        super().__init__("elements", content.encode(), limits.encode(), self._close[1].digest, *digests)

    @property
    def children(self) -> tuple[nodes.Node, ...]:
        return tuple(option.node for options in self._later for option in options)

    def _count_states(self) -> int:
        inside = max((option.node.least_states for option in self._options[-1]), default=0)
        numbers = {o.value for options in self._options for o in options if o.value is not None}
        most = min(len(numbers), self._cap or len(numbers))
        return max(self._cap * inside, sum(comb(len(numbers), count) for count in range(most + 1)))

    def is_final(self, position: int) -> bool:
        return position == _END

    def steps(self, position: int) -> Sequence[tuple[nodes.Node, int]]:
        if position == _START:
            return [(self._open, self._pack(_At(0, (0,) * len(self._counters), 0)))]
        if position == _END:
            return []
        at = self._unpack(position)
        found: list[tuple[nodes.Node, int]] = []
        if self._most is None or at.index < self._most:
            options = self._later[min(at.index, self._prefix)] if at.index else self._first
            found = [
                (o.node, self._pack(after)) for o in options if (after := self._after(at, o)) is not None
            ]
        enough = all(count >= counter.least for count, counter in zip(at.counts, self._counters, strict=True))
        if enough and at.index >= self._least:
            found.append((self._close[at.index > 0], _END))
        return found

    def _after(self, at: _At, option: ItemOption) -> _At | None:
        counts = list(at.counts)
        for index in option.counted:
            counter = self._counters[index]
            if counter.most is not None and counts[index] >= counter.most:
                return None
            counts[index] = min(counts[index] + 1, counter.cap)
        mask = at.mask
        if option.value is not None:
            if mask >> option.value & 1:
                return None
            mask |= 1 << option.value
        # With no upper bound, an array that has begun stays past its first item.
        index = at.index + 1 if self._most is not None else min(at.index + 1, max(self._cap, 1))
        return _At(index, tuple(counts), mask)

    def _pack(self, at: _At) -> int:
        packed = at.mask
        for count, counter in zip(at.counts, self._counters, strict=True):
            packed = packed * (counter.cap + 1) + count
        return _FIRST + packed * (max(self._cap, 1) + 1) + at.index

    def _unpack(self, position: int) -> _At:
        packed, index = divmod(position - _FIRST, max(self._cap, 1) + 1)
        counts: list[int] = []
        for counter in reversed(self._counters):
            packed, count = divmod(packed, counter.cap + 1)
            counts.append(count)
        return _At(index, tuple(reversed(counts)), packed)
