"""Lazy subset construction over continuations: states appear when they are first reached.

A state is the set of continuations (see continuations.py) that the bytes so far leave open. A string body's states
come as one block, (counter, place) in row-major order, which costs one entry.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarTooLargeError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.continuations import (
    BLOCK,
    CUT,
    END,
    Block,
    Continuations,
    Limits,
    Move,
)
from agentfast.runtime.grammar.automaton.gemma_notation import GemmaTransducer
from agentfast.runtime.grammar.automaton.product import Product

__all__ = ["Automaton", "Block"]


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

    def expand(self) -> None:
        """A state that is expanded takes memory, unlike most of a block."""
        self.rows += 1
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
        """
        self._shared = _operand_of or _Shared(max_depth, max_states, is_lifted=blocks)
        self._is_operand = _operand_of is not None
        self._generates = blocks or _generates
        limits = Limits(
            max_depth,
            self._cut,
            self._new_block if blocks else None,
            self._new_product,
            self._new_transducer,
            self._shared.check,
            self._generates,
        )
        self._continuations = Continuations(limits, _depth)
        self._items: list[tuple[int, ...] | None] = []
        self._state_ids: dict[tuple[int, ...], int] = {}
        self._state_of_cont: dict[int, int] = {}
        self._block_starts: list[int] = []
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

    def specials(self, state: int) -> dict[str, int]:
        """State after each special token that may come now."""
        targets: dict[str, set[int]] = {}
        find = self._continuations.special
        for cont in self._items[state] or ():
            found = find(cont)
            if found is not None:
                targets.setdefault(found[0], set()).update(found[1])
        return {name: self._intern(items) for name, items in targets.items()}

    def block_at(self, state: int) -> Block | None:
        """The block that a state belongs to."""
        if self._items[state] is not None:
            return None
        return self._continuations.blocks[bisect_right(self._block_starts, state) - 1]

    def state_after_block(self, block: Block) -> int:
        """The state right after the string's closing quote."""
        return self._state_after(block.rest)

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
        index = bisect_right(self._block_starts, state) - 1
        return (BLOCK * (index + 1) + state - self._block_starts[index],)

    def _cut(self) -> list[int]:
        self._shared.depth_was_cut = True
        return [CUT] if self._is_operand else []

    def _new_block(self, size: int) -> int:
        self._shared.take(size)
        self._block_starts.append(len(self._items))
        self._items += [None] * size
        self._make_room()
        return self._block_starts[-1]

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
        if len(items) == 1 and items[0] >= BLOCK:
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
