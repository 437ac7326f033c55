"""Transition tables over bytes that kernels step through; the states of string bodies need no row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.automaton import Automaton, Block
from agentfast.runtime.grammar.automaton.string_body import CLOSED, DEAD, Body
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Int = int | np.integer[Any] | Ints  # the checker takes an element of an array for an array

LEAVES: Final = -2
"""Pseudo-state after a closing quote where what follows is not known."""
_NOT_SHARED: Final = -1

(_FIRST, _FIRST_PLACE, _PLACES, _LAST, _IS_ENDLESS, _AFTER, _SHARED) = range(7)


class TransitionTables(NamedTuple):
    """Transitions of an automaton. S states, B blocks, P places.

    Attributes:
        table, row_of: see `Automaton`.
        block_of: [S] the block of each state, -1 for none.
        may_close: [S] whether the closing quote may come.
        rules: [B, 7] by block its first state; its first place and how many there are; the last count and whether it
            stands for all that follow; the state after the closing quote, -1 for none, LEAVES where it is not known;
            and the first state of the block that its states at the last count can be walked as, -1 for none.
        tables: [P, 2, 256] see `body_table`.
    """

    table: Ints
    row_of: Ints
    block_of: Ints
    may_close: Bools
    rules: Ints
    body_tables: Ints


def transition_tables(automaton: Automaton, blocks: Sequence[Block]) -> TransitionTables:
    """Tables of an automaton with these blocks, and behind its states one more block for each body without an end.

    All string bodies that are alike and in which nothing is counted (any more) can be walked as that block.
    """
    bodies = {block.node.body: 0 for block in blocks}
    shared = {block.node.body: 0 for block in blocks if block.node.most is None}
    places = 0
    for body in bodies:
        bodies[body] = places
        places += body.places
    first = len(automaton)
    for body in shared:
        shared[body] = first
        first += body.places
    rules = [
        _rule(
            block.node,
            block.first_state,
            bodies[block.node.body],
            automaton.state_after_block(block),
            shared.get(block.node.body, _NOT_SHARED) if block.node.most is None else _NOT_SHARED,
        )
        for block in blocks
    ]
    rules += [
        _rule(nodes.StringBody(0, None, body), state, bodies[body], LEAVES, _NOT_SHARED)
        for body, state in shared.items()
    ]
    block_of, row_of = np.full(first, -1, np.int32), np.full(first, -1, np.int32)
    row_of[: len(automaton)] = automaton.row_of[: len(automaton)]
    may_close = np.zeros(first, np.bool_)
    may_close[len(automaton) :] = True
    for number, block in enumerate(blocks):
        inside = slice(block.first_state, block.first_state + block.size)
        block_of[inside] = number
        may_close[inside] = _may_close(block.node)
    for number, (body, state) in enumerate(shared.items()):
        block_of[state : state + body.places] = len(blocks) + number
    body_tables = np.concatenate([np.zeros((0, 2, 256), np.int32), *(body_table(body) for body in bodies)])
    return TransitionTables(automaton.table, row_of, block_of, may_close, _array(rules), body_tables)


def _may_close(node: nodes.StringBody) -> npt.NDArray[np.bool_]:
    """[size] whether the closing quote may come, as far as the count says."""
    counts = np.arange(node.counts)
    allowed = np.tile(counts[:, None] >= node.least, (1, node.body.places))
    for place, lengths in enumerate(node.body.lengths or ()):
        allowed[:, place] &= np.searchsorted(lengths, counts, side="right") % 2 == 1
    return allowed.reshape(-1)


def string_tables(body: Body, last: int) -> TransitionTables:
    """Tables of one body alone, with counts up to `last`; the states after it are unknown. 0: nothing is counted."""
    table = body_table(body)
    if not last:
        table[:, 1] = 0
    size = (last + 1) * body.places
    none = np.full(size, -1, np.int32)
    rule = _rule(nodes.StringBody(last, None, body), 0, 0, LEAVES, _NOT_SHARED)
    block_of, may_close = np.zeros(size, np.int32), np.ones(size, np.bool_)
    return TransitionTables(np.full((1, 256), -1, np.int32), none, block_of, may_close, _array([rule]), table)


def _rule(node: nodes.StringBody, first: int, first_place: int, after: int, shared: int) -> tuple[int, ...]:
    return first, first_place, node.body.places, node.counts - 1, int(node.most is None), after, shared


def _array(rules: Sequence[tuple[int, ...]]) -> Ints:
    return np.array(rules, np.int32).reshape(-1, 7)


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
def step_in_block(
    block_of: Ints, may_close: Bools, rules: Ints, body_tables: Ints, state: Int, byte: Int
) -> np.int64:
    """The state after a byte, -1 for none, LEAVES for one that is not known."""
    block = block_of[state]
    first, first_place, places = rules[block, _FIRST], rules[block, _FIRST_PLACE], rules[block, _PLACES]
    count = (state - first) // places
    place = state - first - count * places
    to, counted = body_tables[first_place + place, 0, byte], body_tables[first_place + place, 1, byte]
    if to == CLOSED:
        return np.int64(rules[block, _AFTER] if may_close[state] else -1)
    if to == DEAD:
        return np.int64(-1)
    if count + counted > rules[block, _LAST]:
        if not rules[block, _IS_ENDLESS]:
            return np.int64(-1)
        counted = 0
    return np.int64(first + (count + counted) * places + to)


@kernel
def shared_state(tables: TransitionTables, state: Int) -> np.int64:
    """The state of a block without continuation that does the same until the closing quote; else the state itself."""
    rules, block = tables.rules, tables.block_of[state]
    if block < 0 or rules[block, _SHARED] < 0:
        return np.int64(state)
    place = state - rules[block, _FIRST] - rules[block, _LAST] * rules[block, _PLACES]
    return np.int64(rules[block, _SHARED] + place if place >= 0 else state)


@kernel
def state_after_closing(tables: TransitionTables, before: int | np.integer[Any]) -> int:
    """The state after the closing quote in a block, -1 for none."""
    return int(tables.rules[tables.block_of[before], _AFTER]) if tables.may_close[before] else -1
