"""Lazy subset construction over continuations: states appear when they are first reached.

A continuation (node, position, rest) is what may still follow; a state is the set of continuations that the bytes so
far leave open. Both are interned, so recursion makes only the frames that are used and a repeat only the counts that
are reached. A string body's states come as one block, (counter, place) in row-major order, which costs one entry.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import nodes
from agentfast.runtime.grammar.strings import CLOSED, PLACE_MOVES, PLACES

END = 0
"""The continuation of nothing: the whole is complete."""
_BLOCK = 1 << 40  # continuations of block b are _BLOCK * (b + 1) + offset; the others are below _BLOCK


@dataclass(frozen=True)
class Block:
    """The states of one string body in front of one continuation."""

    node: nodes.StringBody
    rest: int
    first_state: int

    @property
    def size(self) -> int:
        """Number of states: counter values times places."""
        return self.node.counts * PLACES


class Automaton:
    """States of one grammar. State ids are small integers; `start` is the first of them.

    Attributes:
        table: [rows, 256] int32, the state after each byte, -1 for none; see `row_of`.
        row_of: [states] int32, the state's row in `table`, -1 where it was not expanded yet.
    """

    def __init__(
        self, root: nodes.Node, *, max_depth: int | None, max_states: int, blocks: bool = True
    ) -> None:
        """
        Args:
            max_depth: recursive references that may be open at a time; deeper ones match nothing. None: any number.
            max_states: states after which a GrammarError is raised.
            blocks: make the states of a string body all at once, which lifting needs; else as they are reached.
        """
        self._max_depth = max_depth
        self._max_states = max_states
        self._with_blocks = blocks
        self._nodes: list[nodes.Node] = []
        self._node_ids: dict[bytes, int] = {}
        self._conts: list[tuple[int, int, int]] = [(-1, 0, 0)]
        self._cont_ids: dict[tuple[int, int, int], int] = {}
        self._depths: list[int] = [0]
        self._closures: dict[int, tuple[int, ...]] = {END: (END,)}
        self._items: list[tuple[int, ...] | None] = []
        self._state_ids: dict[tuple[int, ...], int] = {}
        self._state_of_cont: dict[int, int] = {}
        self.blocks: list[Block] = []
        self._block_ids: dict[tuple[int, int], int] = {}
        self._block_starts: list[int] = []
        self._rows = 0
        self.table: npt.NDArray[np.int32] = np.full((64, 256), -1, np.int32)
        self.row_of: npt.NDArray[np.int32] = np.full(256, -1, np.int32)
        self.depth_was_cut = False
        self.start = self._state_after(self._cont(root, 0, END))

    def __len__(self) -> int:
        return len(self._items)

    def is_accepting(self, state: int) -> bool:
        """Whether the bytes so far are complete."""
        items = self._items[state]
        return items is not None and items[:1] == (END,)

    def step(self, state: int, byte: int) -> int:
        """State after one byte, -1 for none."""
        self.expand(state)
        return int(self.table[self.row_of[state], byte])

    def specials(self, state: int) -> dict[str, int]:
        """State after each special token that may come now."""
        targets: dict[str, set[int]] = {}
        for cont in self._items[state] or ():
            if END < cont < _BLOCK:
                node_id, _, rest = self._conts[cont]
                node = self._nodes[node_id]
                if isinstance(node, nodes.Special):
                    targets.setdefault(node.name, set()).update(self._closure(rest))
        return {name: self._intern(items) for name, items in targets.items()}

    def block_at(self, state: int) -> Block | None:
        """The block that a state belongs to."""
        if self._items[state] is not None:
            return None
        return self.blocks[bisect_right(self._block_starts, state) - 1]

    def state_after_block(self, block: Block) -> int:
        """The state right after the string's closing quote."""
        return self._state_after(block.rest)

    def expand(self, state: int) -> None:
        """Fill the state's row in `table`."""
        if self.row_of[state] >= 0:
            return
        if self._rows == len(self.table):
            self.table = np.concatenate([self.table, np.full_like(self.table, -1)])
        row = self.table[self._rows]
        conts = self._state_conts(state)
        moves = self._moves(conts[0]) if len(conts) == 1 else [m for cont in conts for m in self._moves(cont)]
        if len(conts) == 1 or _are_disjoint(moves):
            for low, high, cont in moves:
                if low == high:
                    row[low] = self._state_after(cont)
                else:
                    row[low : high + 1] = self._state_after(cont)
        else:
            cuts = sorted({move[0] for move in moves} | {move[1] + 1 for move in moves})
            for low, after in zip(cuts, cuts[1:], strict=False):
                met = {cont for first, last, cont in moves if first <= low <= last}
                row[low:after] = self._intern({item for cont in met for item in self._closure(cont)})
        self.row_of[state] = self._rows
        self._rows += 1

    def _state_conts(self, state: int) -> tuple[int, ...]:
        items = self._items[state]
        if items is not None:
            return items
        index = bisect_right(self._block_starts, state) - 1
        return (_BLOCK * (index + 1) + state - self._block_starts[index],)

    def _cont(self, node: nodes.Node, position: int, rest: int) -> int:
        node_id = self._node_ids.get(node.digest)
        if node_id is None:
            node_id = self._node_ids[node.digest] = len(self._nodes)
            self._nodes.append(node)
        if self._with_blocks and isinstance(node, nodes.StringBody):
            return self._block(node_id, node, rest) + position
        return self._cont_at(node_id, position, rest, self._depths[rest])

    def _cont_at(self, node_id: int, position: int, rest: int, depth: int) -> int:
        key = (node_id, position, rest)
        cont = self._cont_ids.get(key)
        if cont is None:
            cont = self._cont_ids[key] = len(self._conts)
            self._conts.append(key)
            self._depths.append(depth)
        return cont

    def _block(self, node_id: int, node: nodes.StringBody, rest: int) -> int:
        key = (node_id, rest)
        index = self._block_ids.get(key)
        if index is None:
            index = self._block_ids[key] = len(self.blocks)
            block = Block(node, rest, len(self._items))
            self._check_room(block.size)
            self._add_states([None] * block.size)
            self.blocks.append(block)
            self._block_starts.append(block.first_state)
        return _BLOCK * (index + 1)

    def _check_room(self, count: int) -> None:
        if len(self._items) + count > self._max_states:
            raise GrammarError(
                f"the grammar needs more than {self._max_states} states",
                hint="lower maxLength or maxItems, or split the schema",
            )

    def _add_states(self, items: list[tuple[int, ...] | None]) -> None:
        self._check_room(len(items))
        self._items += items
        while len(self._items) > len(self.row_of):
            self.row_of = np.concatenate([self.row_of, np.full_like(self.row_of, -1)])

    def _state_after(self, cont: int) -> int:
        state = self._state_of_cont.get(cont)
        if state is None:
            state = self._state_of_cont[cont] = self._intern(self._closure(cont))
        return state

    def _intern(self, conts: tuple[int, ...] | set[int]) -> int:
        """State of a set of closed continuations, -1 for none."""
        items = tuple(sorted(conts))
        if not items:
            return -1
        if len(items) == 1 and items[0] >= _BLOCK:
            index, offset = divmod(items[0], _BLOCK)
            return self.blocks[index - 1].first_state + offset
        state = self._state_ids.get(items)
        if state is None:
            state = self._state_ids[items] = len(self._items)
            self._add_states([items])
        return state

    def _closure(self, cont: int) -> tuple[int, ...]:
        """Continuations reached without a symbol whose next step is a symbol, and END if there is nothing left."""
        if cont >= _BLOCK:
            return (cont,)
        known = self._closures.get(cont)
        if known is not None:
            return known
        consumes, pending = self._unfold(cont)
        result = {cont} if consumes else set[int]()
        seen = {cont, *pending}
        while pending:
            current = pending.pop()
            if current == END or current >= _BLOCK:
                result.add(current)
                continue
            consumes, successors = self._unfold(current)
            if consumes:
                result.add(current)
            for successor in successors:
                if successor not in seen:
                    seen.add(successor)
                    pending.append(successor)
        closed = self._closures[cont] = tuple(sorted(result))
        return closed

    def _unfold(self, cont: int) -> tuple[bool, list[int]]:
        """Whether the head of a continuation takes a symbol, and where it leads without one."""
        node_id, position, rest = self._conts[cont]
        node = self._nodes[node_id]
        match node:
            case nodes.Literal():
                return (True, []) if node.data else (False, [rest])
            case nodes.Terminal():
                accepting = node.machine.accepting[position]
                return bool(node.machine.moves[position]), [rest] if accepting else []
            case nodes.Special() | nodes.StringBody():
                return True, []
            case nodes.Sequence():
                last = position + 1 == len(node.parts)
                return False, [self._cont(node.parts[position], 0, rest if last else self._next(cont))]
            case nodes.Choice():
                return False, [self._cont(option, 0, rest) for option in node.options]
            case nodes.Repeat():
                return False, self._unfold_repeat(node_id, node, position, rest)
            case nodes.Reference():
                return False, self._unfold_reference(cont, node, rest)
            case _:
                raise AssertionError(f"unknown node {node!r}")

    def _next(self, cont: int) -> int:
        node_id, position, rest = self._conts[cont]
        return self._cont_at(node_id, position + 1, rest, self._depths[cont])

    def _unfold_repeat(self, node_id: int, node: nodes.Repeat, done: int, rest: int) -> list[int]:
        successors = [rest] if done >= node.least else []
        if node.most is None or done < node.most:
            count = done + 1 if node.most is not None else min(done + 1, node.least)
            successors.append(self._cont(node.item, 0, self._cont(node, count, rest)))
        return successors

    def _unfold_reference(self, cont: int, node: nodes.Reference, rest: int) -> list[int]:
        """A frame (the reference at position 1) is pushed for the rule's body and popped for what follows."""
        if self._conts[cont][1] == 1:
            return [rest]
        depth = self._depths[cont] + 1
        if self._max_depth is not None and depth > self._max_depth:
            self.depth_was_cut = True
            return []
        frame = self._cont_at(self._conts[cont][0], 1, rest, depth)
        return [self._cont(node.rule.body, 0, frame)]

    def _moves(self, cont: int) -> list[tuple[int, int, int]]:
        """Byte ranges that a closed continuation takes, each with the continuation after it."""
        if cont >= _BLOCK:
            return self._block_moves(cont)
        if cont == END:
            return []
        node_id, position, rest = self._conts[cont]
        node = self._nodes[node_id]
        if isinstance(node, nodes.Literal):
            byte = node.data[position]
            return [(byte, byte, rest if position + 1 == len(node.data) else self._next(cont))]
        if isinstance(node, nodes.Terminal):
            depth = self._depths[cont]
            moves = node.machine.moves[position]
            return [(low, high, self._cont_at(node_id, to, rest, depth)) for low, high, to in moves]
        if isinstance(node, nodes.StringBody):
            return [
                (low, high, rest if to is None else self._cont_at(node_id, to, rest, self._depths[cont]))
                for low, high, to in _string_moves(node, position)
            ]
        return []

    def _block_moves(self, cont: int) -> list[tuple[int, int, int]]:
        index, offset = divmod(cont, _BLOCK)
        block = self.blocks[index - 1]
        return [
            (low, high, block.rest if to is None else index * _BLOCK + to)
            for low, high, to in _string_moves(block.node, offset)
        ]


def _string_moves(node: nodes.StringBody, position: int) -> list[tuple[int, int, int | None]]:
    """Byte ranges that a string body takes, each with the position after it, None after the closing quote."""
    count, place = divmod(position, PLACES)
    result: list[tuple[int, int, int | None]] = []
    for low, high, to, counted in PLACE_MOVES[place]:
        if to == CLOSED:
            if count >= node.least:
                result.append((low, high, None))
        elif not counted or node.most is None or count < node.most:
            result.append((low, high, min(count + counted, node.counts - 1) * PLACES + to))
    return result


def _are_disjoint(moves: list[tuple[int, int, int]]) -> bool:
    ordered = sorted(moves)
    return all(a[1] < b[0] for a, b in zip(ordered, ordered[1:], strict=False))
