"""The items of an array: plain lists and tuples, and arrays in which items are counted or told apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agentfast.runtime.grammar import nodes
from agentfast.runtime.grammar.whitespace import Gaps

_COMMA: Final = nodes.Literal(b",")


def list_node(
    opening: bytes, item: nodes.Node, closing: bytes, gaps: Gaps, least: int, most: int | None
) -> nodes.Node:
    """Equal items between brackets, separated by commas."""
    if most is not None and most < least:
        return nodes.NOTHING
    begin = nodes.Sequence(nodes.Literal(opening), gaps.inside)
    end = nodes.Literal(closing)
    more = nodes.Repeat(
        nodes.Sequence(_COMMA, gaps.after, item),
        max(least - 1, 0),
        None if most is None else max(most - 1, 0),
    )
    some = nodes.Sequence(begin, item, more, gaps.inside, end)
    none = nodes.Sequence(begin, end)
    return none if most == 0 else some if least else nodes.Choice((none, some))


def tuple_node(
    fixed: list[nodes.Node], rest: nodes.Node, gaps: Gaps, least: int, most: int | None
) -> nodes.Node:
    """The fixed items first, then equal ones. Built from the back."""
    size = len(fixed)
    end = nodes.Sequence(gaps.inside, nodes.Literal(b"]"))
    more = nodes.Repeat(
        nodes.Sequence(_COMMA, gaps.after, rest), max(least - size, 0), None if most is None else most - size
    )
    follow: nodes.Node = nodes.Sequence(more, end)
    for index in range(size - 1, 0, -1):
        item = nodes.Sequence(_COMMA, gaps.after, fixed[index], follow)
        follow = item if index < least else nodes.Choice((item, end))
    begin = nodes.Sequence(nodes.Literal(b"["), gaps.inside)
    if not fixed:
        return nodes.Sequence(begin, nodes.Literal(b"]"))
    some = nodes.Sequence(begin, fixed[0], follow)
    return some if least else nodes.Choice((nodes.Sequence(begin, nodes.Literal(b"]")), some))


@dataclass(frozen=True)
class Option:
    """What an item may be: which counters it raises, and which value it is, of those that come at most once."""

    node: nodes.Node
    counted: tuple[int, ...] = ()
    value: int | None = None


@dataclass(frozen=True)
class Counter:
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


class Elements(nodes.Steps):
    """An array whose items are counted or told apart. Positions: before, behind, or an `_At` packed into a number."""

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
        prefix: tuple[tuple[Option, ...], ...],
        rest: tuple[Option, ...],
        counters: tuple[Counter, ...],
        size: Counter,
        gaps: Gaps,
    ) -> None:
        """
        Args:
            prefix, rest: what the first items, one by one, and the others may be. Options must not overlap.
            size: bounds on the number of items.
        """
        self._options = (*prefix, rest)
        self._prefix = len(prefix)
        self._counters = counters
        self._least, self._most = size.least, size.most
        self._cap = max(len(prefix), size.least) if size.most is None else size.most
        self._open = nodes.Sequence(nodes.Literal(b"["), gaps.inside)
        self._close = (nodes.Literal(b"]"), nodes.Sequence(gaps.inside, nodes.Literal(b"]")))
        self._first = self._options[0]
        self._later = tuple(
            tuple(
                Option(nodes.Sequence(_COMMA, gaps.after, option.node), option.counted, option.value)
                for option in options
            )
            for options in self._options
        )
        content = repr([[(o.counted, o.value) for o in options] for options in self._options])
        limits = repr((counters, size, len(prefix)))
        digests = (option.node.digest for options in self._later for option in options)
        super().__init__("elements", content.encode(), limits.encode(), self._close[1].digest, *digests)

    @property
    def children(self) -> tuple[nodes.Node, ...]:
        return tuple(option.node for options in self._later for option in options)

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

    def _after(self, at: _At, option: Option) -> _At | None:
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
