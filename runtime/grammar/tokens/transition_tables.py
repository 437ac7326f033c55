"""Transition tables over bytes that kernels step through; the states of string bodies need no row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.automaton import Explored
from agentfast.runtime.grammar.automaton.string_body import CLOSED, DEAD, Body
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Int = int | np.integer[Any] | Ints  # the checker takes an element of an array for an array

LEAVES: Final = -2
"""Pseudo-state after a closing quote, or at the end of a rule, where what follows is not known."""
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


def transition_tables(explored: Explored) -> TransitionTables:
    """Tables of an explored automaton, and behind its states one more block for each body without an end.

    All string bodies that are alike and in which nothing is counted (any more) can be walked as that block.
    """
    own = _tables_of(explored)
    first_places: dict[Body, int] = {}
    places = 0
    for body in own.bodies:
        if body not in first_places:
            first_places[body] = places
            places += body.places
    rules = own.rules.copy()
    rules[:, _FIRST_PLACE] = [first_places[body] for body in own.bodies]
    count = len(own.block_of)
    endless = dict.fromkeys(body for body, rule in zip(own.bodies, rules, strict=True) if rule[_IS_ENDLESS])
    firsts = count + np.cumsum([0, *(body.places for body in endless)])
    shared = dict(zip(endless, firsts.tolist(), strict=False))
    rules[:, _SHARED] = [
        shared[body] if rule[_IS_ENDLESS] else _NOT_SHARED
        for body, rule in zip(own.bodies, rules, strict=True)
    ]
    more = [
        _rule(nodes.StringBody(0, None, body), state, first_places[body], LEAVES)
        for body, state in shared.items()
    ]
    numbers = len(rules) + np.repeat(np.arange(len(shared)), [body.places for body in shared])
    behind = len(numbers)
    return TransitionTables(
        own.table,
        np.concatenate([own.row_of, np.full(behind, -1, np.int32)]),
        np.concatenate([own.block_of, numbers.astype(np.int32)]),
        np.concatenate([own.may_close, np.ones(behind, np.bool_)]),
        np.concatenate([rules, _array(more)]),
        np.concatenate([np.zeros((0, 2, 256), np.int32), *(body_table(body) for body in first_places)]),
    )


class _Tables(NamedTuple):
    """As `TransitionTables`, with a body for each block in place of numbers of places and of shared blocks."""

    table: Ints
    row_of: Ints
    block_of: Ints
    may_close: Bools
    rules: Ints
    bodies: list[Body]


def _tables_of(explored: Explored) -> _Tables:
    automaton, blocks = explored.automaton, explored.blocks
    count = len(automaton)
    block_of = np.full(count, -1, np.int32)
    may_close = np.zeros(count, np.bool_)
    for number, block in enumerate(blocks):
        inside = slice(block.first_state, block.first_state + block.size)
        block_of[inside] = number
        may_close[inside] = _may_close(block.node)
    rules = [_rule(b.node, b.first_state, 0, automaton.state_after_region(b)) for b in blocks]
    own = _Tables(
        _own_rows(explored),
        automaton.row_of[:count].copy(),
        block_of,
        may_close,
        _array(rules),
        [block.node.body for block in blocks],
    )
    return _with_copies(own, explored) if explored.copies else own


def _own_rows(explored: Explored) -> Ints:
    """Rows of the states that were explored one by one; in a rule's, LEAVES where it ends and other bytes follow."""
    automaton = explored.automaton
    rows = automaton.table[: automaton.rows]
    if explored.followed_by is None:
        return rows
    follows = np.array(list(explored.followed_by))
    rows = rows.copy()
    for state in filter(automaton.is_accepting, explored.states):
        row = rows[automaton.row_of[state]]
        assert np.all(row[follows] < 0), "a shared rule takes none of the bytes that follow it"
        row[follows] = LEAVES
    return rows


def _with_copies(own: _Tables, explored: Explored) -> _Tables:
    """Tables with the states of copied rules filled in, moved to where each copy begins."""
    automaton = explored.automaton
    parts = [own]
    rows, blocks = len(own.table), len(own.rules)
    for copy in explored.copies:
        rule = _tables_of_rule(copy.rule)
        first, size = copy.first_state, len(rule.row_of)
        after = automaton.state_after_region(copy)
        moved = np.arange(LEAVES, size, dtype=np.int32) + np.int32(first)  # indexed by state - LEAVES
        moved[0], moved[1] = LEAVES, -1
        if copy.rule.automaton.whole >= 0:
            moved[copy.rule.automaton.whole - LEAVES] = after
        table = moved[rule.table - LEAVES]
        table = np.where(table == LEAVES, automaton.row(after)[None, :], table)
        rules = rule.rules.copy()
        rules[:, _FIRST] += first
        rules[:, _AFTER] = moved[rules[:, _AFTER] - LEAVES]
        inside = slice(first, first + size)
        own.row_of[inside] = np.where(rule.row_of >= 0, rule.row_of + np.int32(rows), -1)
        own.block_of[inside] = np.where(rule.block_of >= 0, rule.block_of + np.int32(blocks), -1)
        own.may_close[inside] = rule.may_close
        parts.append(rule._replace(table=table, rules=rules))
        rows, blocks = rows + len(table), blocks + len(rules)
    return own._replace(
        table=np.concatenate([part.table for part in parts]),
        rules=np.concatenate([part.rules for part in parts]),
        bodies=[body for part in parts for body in part.bodies],
    )


@lru_cache(maxsize=64)
def _tables_of_rule(rule: Explored) -> _Tables:
    return _tables_of(rule)


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
    rule = _rule(nodes.StringBody(last, None, body), 0, 0, LEAVES)
    block_of, may_close = np.zeros(size, np.int32), np.ones(size, np.bool_)
    return TransitionTables(np.full((1, 256), -1, np.int32), none, block_of, may_close, _array([rule]), table)


def _rule(node: nodes.StringBody, first: int, first_place: int, after: int) -> tuple[int, ...]:
    return first, first_place, node.body.places, node.counts - 1, int(node.most is None), after, _NOT_SHARED


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
    """The state after the closing quote in a block, -1 for none; LEAVES outside of blocks, where a rule is left."""
    if tables.block_of[before] < 0:
        return LEAVES
    return int(tables.rules[tables.block_of[before], _AFTER]) if tables.may_close[before] else -1
