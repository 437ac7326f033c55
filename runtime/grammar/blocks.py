"""The states of string bodies as tables that a kernel steps through, so that no row has to be made for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.automaton import Block
from agentfast.runtime.grammar.strings import CLOSED, DEAD, Body
from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]


class BlockTables:
    """Blocks and what follows them, for `step_in_block`."""

    def __init__(self, blocks: Sequence[Block], after: Sequence[int]) -> None:
        """
        Args:
            after: the state after each block's closing quote, -1 for none.
        """
        self._blocks = blocks
        first_place: dict[Body, int] = {}
        tables = [np.zeros((0, 2, 256), np.int32)]
        for block in blocks:
            body = block.node.body
            if body not in first_place:
                first_place[body] = sum(len(table) for table in tables)
                tables.append(body_table(body))
        self._tables = np.concatenate(tables)
        rules = [
            (
                block.first_state,
                first_place[block.node.body],
                block.node.body.places,
                block.node.least,
                block.node.counts - 1,
                block.node.most is None,
                state,
            )
            for block, state in zip(blocks, after, strict=True)
        ]
        self._rules = np.array(rules, np.int32).reshape(-1, 7)

    def arrays(self, states: int) -> tuple[Ints, Ints, Ints]:
        """[states] the block of each state, -1 for none, and the arguments of `step_in_block`."""
        block_of = np.full(states, -1, np.int32)
        for number, block in enumerate(self._blocks):
            block_of[block.first_state : block.first_state + block.size] = number
        return block_of, self._rules, self._tables


def body_table(body: Body) -> Ints:
    """[places, 2, 256] the place after each byte (DEAD, CLOSED), and 1 where the byte starts a code point."""
    table = np.zeros((body.places, 2, 256), np.int32)
    table[:, 0] = DEAD
    for place, moves in enumerate(body.moves):
        for low, high, to, count in moves:
            table[place, 0, low : high + 1] = to
            table[place, 1, low : high + 1] = count
    return table


@kernel
def step_in_block(state: int, byte: int, rule: Ints, tables: Ints) -> int:
    """The state after a byte, -1 for none, inside the block that has this rule."""
    first, first_place, places, least, last, endless, after = rule
    count, place = divmod(state - first, places)
    to, counted = tables[first_place + place, 0, byte], tables[first_place + place, 1, byte]
    if to == CLOSED:
        return int(after) if count >= least else -1
    if to == DEAD or (counted > 0 and not endless and count >= last):
        return -1
    return int(first + min(count + counted, last) * places + to)
