"""Lazy subset construction over continuations: states appear when they are first reached.

A state is the set of continuations (see continuations.py) that the bytes so far leave open. A string body's states
come as one block, (counter, place) in row-major order, which costs one entry.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarTooLargeError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.continuations import (
    BLOCK,
    COPY,
    CUT,
    END,
    Block,
    Continuations,
    CopiedRule,
    Limits,
    Move,
)
from agentfast.runtime.grammar.automaton.gemma_notation import GemmaTransducer
from agentfast.runtime.grammar.automaton.product import Product

__all__ = ["Automaton", "Block", "Copy", "Explored"]


_WEIGHT: Final = 4  # states of a block that an expanded state counts as


@dataclass
class _Shared:
    """Budget and operands, shared by an automaton with those of its Boolean operands."""

    max_depth: int | None
    max_states: int
    is_lifted: bool
    states: int = 0
    rows: int = 0
    depth_was_cut: bool = False
    operands: dict[tuple[bytes, int, bool], Automaton] = field(
        default_factory=dict[tuple[bytes, int, bool], "Automaton"]
    )

    def take(self, count: int) -> None:
        self.refuse_above(self.states + count)
        self.states += count

    def expand(self, rows: int = 1) -> None:
        """States that are expanded take memory, unlike most of a block."""
        self.rows += rows
        self.refuse_above(_WEIGHT * self.rows)

    def check(self, node: nodes.Node) -> None:
        """Refuse a node that needs too many states, when all states are wanted."""
        if self.is_lifted:
            self.refuse_above(node.least_states)

    def refuse_above(self, states: int) -> None:
        if states > self.max_states:
            raise GrammarTooLargeError(
                f"the grammar needs more than {self.max_states} states",
                hint="lower maxLength or maxItems, keep the declared order, or split the schema",
            )


@dataclass(frozen=True, eq=False)
class Explored:
    """An automaton all of whose states are made that bytes of a vocabulary reach from the start.

    Attributes:
        states: in order of discovery, without those of blocks and copies.
        specials: (state, name, state after) for each special token that may come.
        followed_by: bytes that follow where it ends, if it is that of a rule; see `nodes.Rule`.
    """

    automaton: Automaton
    states: list[int]
    blocks: list[Block]
    copies: list[Copy]
    specials: list[tuple[int, str, int]]
    followed_by: bytes | None = None


@dataclass(frozen=True)
class Copy(CopiedRule):
    """The states of a shared rule in front of one continuation, numbered from `first_state` on.

    The state in which the rule is complete and nothing more of it may come is the state after the copy instead.
    """

    rule: Explored
    first_state: int


class Automaton:
    """States of one grammar. State ids are small integers; `start` is the first of them.

    Attributes:
        table: [rows, 256] int32, the state after each byte, -1 for none; see `row_of`.
        row_of: [states] int32, the state's row in `table`, -1 where it was not expanded yet.
    """

    def __init__(
        self,
        root: nodes.Node,
        *,
        max_depth: int | None,
        max_states: int,
        blocks: bool = True,
        rule_automaton: Callable[[nodes.Reference, int], Explored] | None = None,
        _operand_of: _Shared | None = None,
        _generates: bool = False,
        _depth: int = 0,
    ) -> None:
        """
        Args:
            max_depth: recursive references that may be open at a time; deeper ones match nothing. None: any number.
            max_states: states after which a GrammarError is raised; those of Boolean operands count, and one that is
                expanded as four (each takes 2 kB).
            blocks: make the states of a string body all at once, which lifting needs; else as they are reached.
            rule_automaton: makes the automaton of a shared rule (see `nodes.Rule`) with so many references open at a
                time; where such a rule is all that may come, its states are copied. None: no rule is shared.
        """
        self._shared = _operand_of or _Shared(max_depth, max_states, is_lifted=blocks)
        self._is_operand = _operand_of is not None
        self._generates = blocks or _generates
        limits = Limits(
            max_depth,
            self._cut,
            self._new_block if blocks else None,
            self._new_copy if rule_automaton is not None else None,
            self._new_product,
            self._new_transducer,
            self._shared.check,
            self._generates,
        )
        self._continuations = Continuations(limits, _depth)
        self._items: list[tuple[int, ...] | None] = []
        self._state_ids: dict[tuple[int, ...], int] = {}
        self._state_of_cont: dict[int, int] = {}
        self._rule_automaton = rule_automaton
        self._copies: list[Copy] = []
        self._region_starts: list[int] = []
        self._region_ids: list[int] = []  # of a block its index, of a copy -1 - its index
        self._rows = 0
        self._ranges: list[list[tuple[int, int, int]]] = []
        self.table: npt.NDArray[np.int32] = np.full((64, 256), -1, np.int32)
        self.row_of: npt.NDArray[np.int32] = np.full(256, -1, np.int32)
        self.start = self._state_after(self._continuations.of(root, END))

    def __len__(self) -> int:
        return len(self._items)

    @property
    def depth_was_cut(self) -> bool:
        """True if a reference was too deep to be followed."""
        return self._shared.depth_was_cut

    @property
    def all_rows(self) -> int:
        """Number of expanded states, those of copies and of Boolean operands included."""
        return self._shared.rows

    @property
    def total_states(self) -> int:
        """States made so far, those of Boolean operands included."""
        return self._shared.states

    def is_accepting(self, state: int) -> bool:
        """Test whether the bytes so far are complete."""
        items = self._items[state]
        return items is not None and items[:1] == (END,)

    def is_cut(self, state: int) -> bool:
        """Test whether the verdict on the bytes so far is unknown, as they open too many references."""
        items = self._items[state]
        return items is not None and CUT in items[:2]

    def states_by_depth(self) -> list[int]:
        """Number of states so far by the recursive references that are open, at most, from none on."""
        depth_of = self._continuations.depth_of
        depths = [0 if items is None else max(map(depth_of, items)) for items in self._items]
        counts = Counter(depths)
        for block in self._continuations.blocks:
            counts[0] -= block.size
            counts[depth_of(block.rest)] += block.size
        for copy in self._copies:
            counts[0] -= len(copy.rule.automaton)
            for depth, count in enumerate(copy.rule.automaton.states_by_depth(), depth_of(copy.rest) + 1):
                counts[depth] += count
        return [counts[depth] for depth in range(max(counts) + 1)]

    def step(self, state: int, byte: int) -> int:
        """State after one byte, -1 for none."""
        self.expand(state)
        return int(self.table[self.row_of[state], byte])

    def row(self, state: int) -> npt.NDArray[np.int32]:
        """[256] state after each byte, -1 for none."""
        self.expand(state)
        found: npt.NDArray[np.int32] = self.table[self.row_of[state]]
        return found

    def successors(self, state: int) -> list[tuple[int, int, int]]:
        """Byte ranges that may come, each with the state after it."""
        self.expand(state)
        return self._ranges[self.row_of[state]]

    def moves(self, state: int) -> list[tuple[int, int, int]]:
        """Byte ranges that may come at a state of a rule's explored automaton, each with the state after it.

        Those that no vocabulary's byte reaches are left out, so that no state is added.
        """
        if self._items[state] is not None:
            found = self._ranges[self.row_of[state]] if self.row_of[state] >= 0 else []
        else:
            find = self._continuations.moves
            moves = (move for cont in self._state_conts(state) for move in find(cont))
            found = [(low, high, self._state_after(cont)) for low, high, cont in moves]
        return [(low, high, to) for low, high, to in found if self._items[to] is None or self.row_of[to] >= 0]

    def specials(self, state: int) -> dict[str, int]:
        """State after each special token that may come now."""
        targets: dict[str, set[int]] = {}
        find = self._continuations.special
        for cont in self._items[state] or ():
            found = find(cont)
            if found is not None:
                targets.setdefault(found[0], set()).update(found[1])
        return {name: self._intern(items) for name, items in targets.items()}

    @property
    def whole(self) -> int:
        """The state after which nothing may come; -1 if it was not reached."""
        return self._state_ids.get((END,), -1)

    @property
    def rows(self) -> int:
        """Number of expanded states."""
        return self._rows

    def region_at(self, state: int) -> Block | Copy | None:
        """The block or the copy that a state belongs to."""
        if self._items[state] is not None:
            return None
        index = self._region_ids[bisect_right(self._region_starts, state) - 1]
        return self._continuations.blocks[index] if index >= 0 else self._copies[-1 - index]

    def state_after_region(self, region: Block | Copy) -> int:
        """The state right after a string's closing quote, or after a rule."""
        return self._state_after(region.rest)

    def string_at(self, state: int) -> tuple[nodes.StringBody, int] | None:
        """The string body that begins at a state, if that is all that may come, and the state after it."""
        items = self._items[state]
        found = self._continuations.string(items[0]) if items is not None and len(items) == 1 else None
        return None if found is None else (found[0], self._state_after(found[1]))

    def expand(self, state: int) -> None:
        """Fill the state's row in `table`."""
        if self.row_of[state] >= 0:
            return
        self._shared.expand()
        # Operands of a Boolean node may expand other states of this automaton meanwhile, so the row comes last.
        conts = self._state_conts(state)
        find = self._continuations.moves
        moves = find(conts[0]) if len(conts) == 1 else [move for cont in conts for move in find(cont)]
        targets = self._targets(moves, disjoint=len(conts) == 1 or _are_disjoint(moves))
        if self._rows == len(self.table):
            self.table = np.concatenate([self.table, np.full_like(self.table, -1)])
        row = self.table[self._rows]
        for low, high, target in targets:
            if low == high:
                row[low] = target
            else:
                row[low : high + 1] = target
        self._ranges.append(targets)
        self.row_of[state] = self._rows
        self._rows += 1

    def _targets(self, moves: list[Move], *, disjoint: bool) -> list[tuple[int, int, int]]:
        """Byte ranges with the states after them."""
        if disjoint:
            return [(low, high, self._state_after(cont)) for low, high, cont in moves]
        closure = self._continuations.closure
        cuts = sorted({move[0] for move in moves} | {move[1] + 1 for move in moves})
        targets: list[tuple[int, int, int]] = []
        for low, after in zip(cuts, cuts[1:], strict=False):
            met = {cont for first, last, cont in moves if first <= low <= last}
            state = (
                self._state_after(met.pop())
                if len(met) == 1
                else self._intern({item for cont in met for item in closure(cont)})
            )
            targets.append((low, after - 1, state))
        return targets

    def _state_conts(self, state: int) -> tuple[int, ...]:
        items = self._items[state]
        if items is not None:
            return items
        start = bisect_right(self._region_starts, state) - 1
        index, offset = self._region_ids[start], state - self._region_starts[start]
        if index >= 0:
            return (BLOCK * (index + 1) + offset,)
        return self._continuations.closure(COPY * -index + offset)

    def _cut(self) -> list[int]:
        self._shared.depth_was_cut = True
        return [CUT] if self._is_operand else []

    def _new_block(self, size: int) -> int:
        return self._new_region(size, len(self._continuations.blocks))

    def _new_region(self, size: int, index: int) -> int:
        self._shared.take(size)
        first = len(self._items)
        self._region_starts.append(first)
        self._region_ids.append(index)
        self._items += [None] * size
        self._make_room()
        return first

    def _new_copy(self, reference: nodes.Reference, levels: int, rest: int) -> Copy:
        assert self._rule_automaton is not None, "only shared rules are copied"
        rule = self._rule_automaton(reference, levels)
        self._shared.expand(rule.automaton.all_rows)
        self._shared.depth_was_cut |= rule.automaton.depth_was_cut
        first_state = self._new_region(len(rule.automaton), -1 - len(self._copies))
        copy = Copy(rule.automaton, rest, rule, first_state)
        self._copies.append(copy)
        return copy

    def _new_product(self, node: nodes.Boolean, depth: int) -> Product:
        return Product(node, [self._operand(operand, depth, generates=False) for operand in node.operands])

    def _new_transducer(self, node: nodes.GemmaText, depth: int) -> GemmaTransducer:
        return GemmaTransducer(self._operand(node.operand, depth, generates=self._generates))

    def _operand(self, root: nodes.Node, depth: int, *, generates: bool) -> Automaton:
        shared = self._shared
        key = (root.digest, depth, generates)
        if key not in shared.operands:
            shared.operands[key] = Automaton(
                root,
                max_depth=shared.max_depth,
                max_states=shared.max_states,
                blocks=False,
                _operand_of=shared,
                _generates=generates,
                _depth=depth,
            )
        return shared.operands[key]

    def _make_room(self) -> None:
        while len(self._items) > len(self.row_of):
            self.row_of = np.concatenate([self.row_of, np.full_like(self.row_of, -1)])

    def _state_after(self, cont: int) -> int:
        state = self._state_of_cont.get(cont)
        if state is None:
            state = self._state_of_cont[cont] = self._intern(self._continuations.closure(cont))
        return state

    def _intern(self, conts: tuple[int, ...] | set[int]) -> int:
        """State of a set of closed continuations, -1 for none."""
        items = tuple(sorted(conts))
        if not items:
            return -1
        if items[-1] >= COPY:
            index, offset = divmod(items[-1], COPY)
            if len(items) == 1 or items == self._continuations.closure(items[-1]):
                return self._copies[index - 1].first_state + offset
        elif len(items) == 1 and items[0] >= BLOCK:
            index, offset = divmod(items[0], BLOCK)
            return self._continuations.blocks[index - 1].first_state + offset
        state = self._state_ids.get(items)
        if state is None:
            state = self._state_ids[items] = len(self._items)
            self._shared.take(1)
            self._items.append(items)
            self._make_room()
        return state


def _are_disjoint(moves: list[Move]) -> bool:
    ordered = sorted(moves)
    return all(a[1] < b[0] for a, b in zip(ordered, ordered[1:], strict=False))
