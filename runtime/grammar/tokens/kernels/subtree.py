"""Kernels that run an automaton over subtrees of the vocabulary's trie, each once for all sources that meet it alike.

What a large subtree holds from one state on is kept: its tokens by the state they lead to, each such group with two
sums of hashes that identify it, so that a source which comes by again takes the groups and not the tokens. String
bodies in which nothing is counted any more are walked as one body without continuation (see `transition_tables`): its
groups hold for all of them, moved by the distance of their states, and where the closing quote came is remembered.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.transition_tables import (
    LEAVES,
    TransitionTables,
    shared_state,
    step_in_block,
)
from agentfast.runtime.grammar.tokens.trie import TrieArrays
from agentfast.runtime.jit.arrays import grown, grown_rows
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Int = int | np.integer[Any] | Ints  # the checker takes an element of an array for an array

(ITEMS, EXITS, _GROUPS, _REFS, _KEPT, _SUBTREES, STEPS) = range(7)
(_NODE, _STATE, _LEVEL, _FLOOR, _IS_NEW, _OWN) = range(6)  # of a cursor
(_AT_FLOOR, _AT_EXIT, _AT_LARGE, _IS_FULL) = range(4)  # what comes up
_LARGE: Final = 48  # nodes of a subtree that is worth keeping

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX2: Final = np.uint64(0x94D049BB133111EB)


class Found(NamedTuple):
    """Growing arrays of a walk; `used` says how much of each is filled.

    Attributes:
        items: [., 4] of the source at hand: state, what leads there (a node, or -1 - a group) and two sums of hashes.
        exits: [., 2] of the source at hand: the state before a closing quote, and the node that the quote leads to.
        groups: [., 4] state, end in `refs`, and the sums; each begins where the one before ends. The first is empty.
        refs: nodes and groups, as in `items`.
        kept: exits of kept subtrees.
        subtrees: [., 6] kept subtrees: node, state, first group, group after the last, and the same of `kept`.
        slots: a hash table of `subtrees`.
        used: how many of each there are, and steps made.
    """

    items: Longs
    exits: Ints
    groups: Longs
    refs: Ints
    kept: Ints
    subtrees: Longs
    slots: Ints
    used: Longs


@kernel
def mixed(number: Int) -> np.uint64:
    """A hash of a small number (splitmix64, Steele et al. 2014); sums of them identify sets."""
    x = np.uint64(number + 1) * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return np.uint64(x ^ (x >> np.uint64(31)))


@kernel
def nothing_found() -> Found:
    """Empty arrays for a walk."""
    found = Found(
        np.empty((1024, 4), np.int64),
        np.empty((256, 2), np.int32),
        np.zeros((1024, 4), np.int64),
        np.empty(4096, np.int32),
        np.empty((256, 2), np.int32),
        np.empty((512, 6), np.int64),
        np.full(1024, -1, np.int32),
        np.zeros(7, np.int64),
    )
    found.used[_GROUPS] = 1
    return found


@kernel
def descend(
    found: Found,
    tables: TransitionTables,
    trie: TrieArrays,
    top: Int,
    state: Int,
    own: Int,
    path: Ints,
    group_of: Ints,
    frames: Longs,
) -> Found:
    """Add the tokens below a node, and its own if asked for, given the state there.

    Args:
        path, group_of, frames: room for three numbers per level, for a group per state (all -1), for five per level.
    """
    depth = trie.depth
    cursor = np.zeros(6, np.int64)
    cursor[_NODE], cursor[_STATE], cursor[_OWN], cursor[_IS_NEW] = top, state, own, 1
    cursor[_LEVEL] = cursor[_FLOOR] = depth[top]
    opened = 0
    while True:
        event = _scan(found.items, path, cursor, found.used, tables, trie)
        node = cursor[_NODE]
        if event == _AT_FLOOR:
            if opened == 0:
                return found
            opened -= 1
            found = _close(found, frames[opened], group_of)
            cursor[_LEVEL] -= 1
            cursor[_FLOOR] = depth[frames[opened - 1, 0] if opened > 0 else top]
        elif event == _AT_EXIT:
            found = _add_exit(found, cursor[_STATE], node)
        elif event == _IS_FULL:
            found = _more_items(found)
        else:
            state = cursor[_STATE]
            shared = shared_state(tables, state)
            subtree = np.int64(found.slots[_slot(found.subtrees, found.slots, node, shared)])
            if subtree >= 0:
                found = _take(found, subtree, state - shared)
            else:
                frames[opened, 0], frames[opened, 1], frames[opened, 2] = node, shared, state - shared
                frames[opened, 3], frames[opened, 4] = found.used[ITEMS], found.used[EXITS]
                opened += 1
                cursor[_STATE], cursor[_IS_NEW], cursor[_OWN] = shared, 1, 1
                cursor[_FLOOR] = depth[node]
                cursor[_LEVEL] += 1
                while len(found.items) < found.used[ITEMS] + 1:
                    found = _more_items(found)


@kernel
def _scan(
    items: Longs, path: Ints, cursor: Longs, used: Longs, tables: TransitionTables, trie: TrieArrays
) -> int:
    """Add tokens from the cursor on, until something comes up that is the caller's to do; returns what.

    In a function of its own, as the caller replaces `found`: in a loop where an array may be replaced, each round counts the
    references to it, which takes longer than the round.

    Args:
        path: [levels, 3] of the nodes down to the one at hand, the state there, and which of its children is next and
            which is after the last.
    """
    _, skip, is_token, child_start, child, child_byte = trie
    table, row_of, block_of, may_close, rules, body_tables = tables
    node, state, level, floor = cursor[_NODE], cursor[_STATE], cursor[_LEVEL], cursor[_FLOOR]
    is_new, own, count = cursor[_IS_NEW], cursor[_OWN], used[ITEMS]
    event, steps = _AT_FLOOR, 0
    while True:
        if is_new:
            path[level, 0], path[level, 1], path[level, 2] = state, child_start[node], child_start[node + 1]
            if own and is_token[node]:
                _put(items, count, node, state)
                count += 1
            is_new, own = np.int64(0), np.int64(1)
        at = path[level, 1]
        if at == path[level, 2]:
            if level == floor:
                break
            level -= 1
            continue
        if count == len(items):
            event = _IS_FULL
            break
        steps += 1
        path[level, 1] += 1
        before, byte = np.int64(path[level, 0]), child_byte[at]
        if block_of[before] < 0:
            state = np.int64(table[row_of[before], byte])
        else:
            state = step_in_block(block_of, may_close, rules, body_tables, before, byte)
        if state < 0 and state != LEAVES:
            continue
        node = np.int64(child[at])
        if state == LEAVES:
            event, state = _AT_EXIT, before
            break
        if skip[node] - node >= _LARGE:
            event = _AT_LARGE
            break
        level += 1
        is_new = np.int64(1)
    cursor[_NODE], cursor[_STATE], cursor[_LEVEL] = node, state, level
    cursor[_IS_NEW], cursor[_OWN], used[ITEMS] = is_new, own, count
    used[STEPS] += steps
    return event


@kernel
def add_token(items: Longs, used: Longs, node: Int, state: Int) -> None:
    """Add the token of a node without children; there is room for it."""
    _put(items, used[ITEMS], node, state)
    used[ITEMS] += 1


@kernel
def _put(items: Longs, at: Int, node: Int, state: Int) -> None:
    first = mixed(node)
    items[at, 0], items[at, 1] = state, node
    items[at, 2], items[at, 3] = np.int64(first), np.int64(first * first | np.uint64(1))


@kernel
def group_items(found: Found, first: Int, group_of: Ints) -> Found:
    """The items from `first` on as groups by state, behind the last group."""
    items, groups, refs, used = found.items, found.groups, found.refs, found.used
    base = used[_GROUPS]
    count = 0
    for i in range(first, used[ITEMS]):
        state = items[i, 0]
        if group_of[state] < 0:
            at = base + count
            if at == len(groups):
                groups = grown_rows(groups)
            group_of[state] = count
            groups[at, 0], groups[at, 1], groups[at, 2], groups[at, 3] = state, 0, 0, 0
            count += 1
        group = base + group_of[state]
        groups[group, 1] += 1
        groups[group, 2] += items[i, 2]
        groups[group, 3] += items[i, 3]
    while used[_REFS] + used[ITEMS] - first > len(refs):
        refs = grown(refs)
    end = used[_REFS]
    for group in range(base, base + count):
        size = groups[group, 1]
        groups[group, 1] = end
        end += size
    for i in range(first, used[ITEMS]):
        group = base + group_of[items[i, 0]]
        refs[groups[group, 1]] = items[i, 1]
        groups[group, 1] += 1
    for group in range(base, base + count):
        group_of[groups[group, 0]] = -1
    used[_GROUPS] += count
    used[_REFS] = end
    return Found(items, found.exits, groups, refs, found.kept, found.subtrees, found.slots, used)


@kernel
def forget_groups(found: Found, first: int) -> None:
    """Take back the groups from `first` on."""
    found.used[_GROUPS] = first
    found.used[_REFS] = found.groups[first - 1, 1]


@kernel
def group_count(found: Found) -> int:
    """Groups so far."""
    return int(found.used[_GROUPS])


@kernel
def members(found: Found, group: int) -> Ints:
    """The nodes of a group."""
    nodes = np.empty(64, np.int32)
    count = 0
    pending = np.empty(64, np.int32)
    pending[0] = group
    left = 1
    while left > 0:
        left -= 1
        current = pending[left]
        for i in range(found.groups[current - 1, 1], found.groups[current, 1]):
            ref = found.refs[i]
            if ref >= 0:
                if count == len(nodes):
                    nodes = grown(nodes)
                nodes[count] = ref
                count += 1
            else:
                if left == len(pending):
                    pending = grown(pending)
                pending[left] = -1 - ref
                left += 1
    return nodes[:count]


@kernel
def _close(found: Found, frame: Longs, group_of: Ints) -> Found:
    """Keep a subtree that has been walked, and put its groups in place of its items."""
    node, state, shift, first_item, first_exit = frame[0], frame[1], frame[2], frame[3], frame[4]
    first = found.used[_GROUPS]
    found = group_items(found, first_item, group_of)
    kept, subtrees, slots, used = found.kept, found.subtrees, found.slots, found.used
    while used[_KEPT] + used[EXITS] - first_exit > len(kept):
        kept = grown_rows(kept)
    begin = used[_KEPT]
    for i in range(first_exit, used[EXITS]):
        kept[used[_KEPT], 0], kept[used[_KEPT], 1] = found.exits[i, 0], found.exits[i, 1]
        used[_KEPT] += 1
    if used[_SUBTREES] == len(subtrees):
        subtrees, slots = _more_subtrees(subtrees)
    subtree = used[_SUBTREES]
    slots[_slot(subtrees, slots, node, state)] = subtree
    subtrees[subtree, 0], subtrees[subtree, 1] = node, state
    subtrees[subtree, 2], subtrees[subtree, 3] = first, used[_GROUPS]
    subtrees[subtree, 4], subtrees[subtree, 5] = begin, used[_KEPT]
    used[_SUBTREES] += 1
    used[ITEMS], used[EXITS] = first_item, first_exit
    found = Found(found.items, found.exits, found.groups, found.refs, kept, subtrees, slots, used)
    return _take(found, subtree, shift)


@kernel
def _take(found: Found, subtree: Int, shift: Int) -> Found:
    """Add the groups and the exits of a kept subtree, their states moved by `shift`."""
    groups, used = found.groups, found.used
    first, last = found.subtrees[subtree, 2], found.subtrees[subtree, 3]
    while used[ITEMS] + last - first > len(found.items):
        found = _more_items(found)
    at, items = used[ITEMS] - first, found.items
    for group in range(first, last):
        items[at + group, 0], items[at + group, 1] = groups[group, 0] + shift, -1 - group
        items[at + group, 2], items[at + group, 3] = groups[group, 2], groups[group, 3]
    used[ITEMS] = at + last
    for i in range(found.subtrees[subtree, 4], found.subtrees[subtree, 5]):
        found = _add_exit(found, found.kept[i, 0] + shift, np.int64(found.kept[i, 1]))
    return found


@kernel
def _more_items(found: Found) -> Found:
    items = grown_rows(found.items)
    return Found(
        items, found.exits, found.groups, found.refs, found.kept, found.subtrees, found.slots, found.used
    )


@kernel
def _add_exit(found: Found, before: Int, node: Int) -> Found:
    at = found.used[EXITS]
    exits = found.exits
    if at == len(exits):
        exits = grown_rows(exits)
        found = Found(
            found.items, exits, found.groups, found.refs, found.kept, found.subtrees, found.slots, found.used
        )
    exits[at, 0], exits[at, 1] = before, node
    found.used[EXITS] = at + 1
    return found


@kernel
def _slot(subtrees: Longs, slots: Ints, node: Int, state: Int) -> np.uint64:
    """Hash slot of a kept subtree."""
    mask = np.uint64(len(slots) - 1)
    at = mixed(np.int64(node) << np.int64(32) | np.int64(state)) & mask
    while slots[at] >= 0 and (subtrees[slots[at], 0] != node or subtrees[slots[at], 1] != state):
        at = (at + np.uint64(1)) & mask
    return at


@kernel
def _more_subtrees(subtrees: Longs) -> tuple[Longs, Ints]:
    """Twice the room, and the hash table anew."""
    slots = np.full(4 * len(subtrees), -1, np.int32)
    for i in range(len(subtrees)):
        slots[_slot(subtrees, slots, subtrees[i, 0], subtrees[i, 1])] = i
    return grown_rows(subtrees), slots
