"""Members of an object, in declared order or any: those seen are a bit mask in a lazily expanded position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from typing import Final

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.whitespace import Gaps

_COMMA: Final = nodes.Literal(b",")
_COLON: Final = nodes.Literal(b":")


@dataclass(frozen=True)
class Property:
    """A member that comes at most once.

    Attributes:
        key: its name with quotes.
        ordered: it comes in its turn, before all that are not ordered.
    """

    key: nodes.Node
    value: nodes.Node
    required: bool
    ordered: bool


@dataclass(frozen=True)
class ObjectShape:
    """Members that an object may have, and must.

    Attributes:
        others: (key, value) of further members, any number of them.
        least, most: bounds on the number of members.
        needs: per property that asks for others, their indices.
    """

    properties: tuple[Property, ...]
    others: tuple[tuple[nodes.Node, nodes.Node], ...] = ()
    least: int = 0
    most: int | None = None
    needs: tuple[tuple[int, tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class _At:
    """Progress in an object: the next ordered property, the mask of those seen, and the number of members."""

    turn: int
    mask: int
    count: int


_START, _END, _FIRST = range(3)


class ObjectMembers(nodes.Steps):
    """An object. Positions: before it, behind it, or an `_At` packed into a number."""

    __slots__ = ("_cap", "_close", "_first", "_later", "_masked", "_open", "_shape", "_turns")

    def __init__(self, shape: ObjectShape, gaps: Gaps) -> None:
        self._shape = shape
        self._open = nodes.Sequence(nodes.Literal(b"{"), gaps.inside)
        self._close = (nodes.Literal(b"}"), nodes.Sequence(gaps.inside, nodes.Literal(b"}")))
        pairs = [(prop.key, prop.value) for prop in shape.properties] + list(shape.others)
        self._first = tuple(nodes.Sequence(key, _COLON, gaps.after, value) for key, value in pairs)
        self._later = tuple(nodes.Sequence(_COMMA, gaps.after, member) for member in self._first)
        # Ordered properties need no bit, as their turn passes, unless another one asks for them.
        asked = {index for trigger, needed in shape.needs for index in (trigger, *needed)}
        self._masked = frozenset(
            i for i, prop in enumerate(shape.properties) if not prop.ordered or i in asked
        )
        self._turns = tuple(i for i, prop in enumerate(shape.properties) if prop.ordered)
        self._cap = shape.least if shape.most is None else shape.most
        properties = (b"%d%d" % (prop.required, prop.ordered) for prop in shape.properties)
        limits = repr((shape.least, shape.most, shape.needs, len(shape.others))).encode()
        members = (member.digest for member in self._first)
        spacing = nodes.Sequence(gaps.inside, gaps.after).digest
        super().__init__("members", limits, b"".join(properties), spacing, *members)

    @property
    def children(self) -> tuple[nodes.Node, ...]:
        return self._later

    def _count_states(self) -> int:
        """Each set of unordered properties counts, once for each of the members that may follow it."""
        free = [i for i, prop in enumerate(self._shape.properties) if not prop.ordered]
        size = len(free)
        most = size if self._shape.most is None else min(size, self._shape.most)
        if not size or most < sum(self._shape.properties[index].required for index in free):
            return 1
        # Half of all sets lack a given property: the mean of what follows is that of the missing ones.
        inside = sum(self._shape.properties[index].value.least_states + 2 for index in free) / size
        return int(sum(comb(size, count) * (1 + (size - count) * inside) for count in range(most + 1)))

    def is_final(self, position: int) -> bool:
        return position == _END

    def steps(self, position: int) -> Sequence[tuple[nodes.Node, int]]:
        if position == _START:
            return [(self._open, self._pack(_At(0, 0, 0), some=False))]
        if position == _END:
            return []
        at, some = self._unpack(position)
        members = self._later if some else self._first
        found: list[tuple[nodes.Node, int]] = [
            (members[index], self._pack(after, some=True)) for index, after in self._next(at)
        ]
        if self._is_whole(at):
            found.append((self._close[some], _END))
        return found

    def _next(self, at: _At) -> list[tuple[int, _At]]:
        """The members that may come now."""
        shape = self._shape
        if shape.most is not None and at.count >= shape.most:
            return []
        count = min(at.count + 1, self._cap)
        found: list[tuple[int, _At]] = []
        turn = at.turn
        while turn < len(self._turns):
            index = self._turns[turn]
            found.append((index, _At(turn + 1, self._with(at.mask, index), count)))
            if shape.properties[index].required:
                return found
            turn += 1
        for index, prop in enumerate(shape.properties):
            if not prop.ordered and not at.mask >> index & 1:
                found.append((index, _At(turn, self._with(at.mask, index), count)))
        after = _At(turn, at.mask, count)
        return found + [(len(shape.properties) + other, after) for other in range(len(shape.others))]

    def _with(self, mask: int, index: int) -> int:
        return mask | 1 << index if index in self._masked else mask

    def _is_whole(self, at: _At) -> bool:
        shape = self._shape
        if at.count < shape.least:
            return False
        if any(shape.properties[index].required for index in self._turns[at.turn :]):
            return False
        if any(f.required and not f.ordered and not at.mask >> i & 1 for i, f in enumerate(shape.properties)):
            return False
        return all(
            not at.mask >> trigger & 1 or all(at.mask >> index & 1 for index in needed)
            for trigger, needed in shape.needs
        )

    def _pack(self, at: _At, *, some: bool) -> int:
        packed = (at.mask * (self._cap + 1) + at.count) * (len(self._turns) + 1) + at.turn
        return _FIRST + 2 * packed + some

    def _unpack(self, position: int) -> tuple[_At, bool]:
        packed, some = divmod(position - _FIRST, 2)
        packed, turn = divmod(packed, len(self._turns) + 1)
        mask, count = divmod(packed, self._cap + 1)
        return _At(turn, mask, count), bool(some)
