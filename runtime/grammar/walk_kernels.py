"""Kernels that run an automaton over the vocabulary's trie and gather what tokens do into labels."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.array_kernels import by_group, grown
from agentfast.runtime.grammar.blocks import step_in_block
from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Int = int | np.integer[Any] | Ints  # the checker takes an element of an array for an array

FINE: Final = 0
TOO_MANY_NODES: Final = 1
TOO_MANY_STEPS: Final = 2

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX2: Final = np.uint64(0x94D049BB133111EB)


@kernel
def mixed(number: Int) -> np.uint64:
    """A hash of a small number (splitmix64, Steele et al. 2014); sums of them identify sets."""
    x = np.uint64(number + 1) * _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return np.uint64(x ^ (x >> np.uint64(31)))


@kernel
def walk(
    entries: Ints,
    states: int,
    table: Ints,
    row_of: Ints,
    block_of: Ints,
    block_rules: Ints,
    block_tables: Ints,
    byte: npt.NDArray[np.uint8],
    depth: Ints,
    skip: Ints,
    is_token: npt.NDArray[np.bool_],
    max_nodes: int,
    max_steps: int,
) -> tuple[Ints, Ints, Ints, int]:
    """Walk the subtree below each entry, and group the tokens of each source by the state they lead to.

    Args:
        entries: [n, 4], a source, a node, the state at that node, and whether the node's own token counts; in order
            of sources and nodes, the subtrees of a source apart from each other.
        states: the number of states.
        table, row_of: the automaton's, see `Automaton`; every state that can be met is expanded or in a block.
        block_of, block_rules, block_tables: see `BlockTables`.
        byte, depth, skip, is_token: the trie's, see `Trie`.
        max_nodes: that the labels may hold; max_steps: nodes that may be visited.

    Returns:
        edges: [m, 3], source, target and label.
        label_start: [L + 1], where each label begins in `nodes`.
        nodes: trie nodes of each label, rising. No two labels are equal.
        FINE, or which limit was met.
    """
    edges = np.empty((256, 3), np.int32)
    n_edges = 0
    label_start = np.zeros(257, np.int32)
    labels = 0
    nodes = np.empty(4096, np.int32)
    slots = np.full(1024, -1, np.int32)
    keys = np.empty((512, 2), np.uint64)
    found_node = np.empty(1024, np.int32)
    found_group = np.empty(1024, np.int32)
    group_of = np.full(states, -1, np.int32)
    group_state = np.empty(states + 1, np.int32)
    at = np.zeros(depth.max() + 2, np.int32)
    steps = 0
    e = 0
    while e < len(entries):
        source = entries[e, 0]
        found = 0
        groups = 0
        while e < len(entries) and entries[e, 0] == source:
            top, state = entries[e, 1], entries[e, 2]
            node, end = top + 1, skip[top]
            at[depth[top]] = state
            if entries[e, 3]:
                node = top
            while node < end:
                steps += 1
                level = depth[node]
                if node > top:
                    before = at[level - 1]
                    if row_of[before] >= 0:
                        state = table[row_of[before], byte[node]]
                    else:
                        rule = block_rules[block_of[before]]
                        state = step_in_block(int(before), int(byte[node]), rule, block_tables)
                    if state < 0:
                        node = skip[node]
                        continue
                    at[level] = state
                if is_token[node]:
                    if group_of[state] < 0:
                        group_of[state] = groups
                        group_state[groups] = state
                        groups += 1
                    if found == len(found_node):
                        found_node, found_group = grown(found_node), grown(found_group)
                    found_node[found] = node
                    found_group[found] = group_of[state]
                    found += 1
                node += 1
            e += 1
        if steps > max_steps:
            return edges[:n_edges], label_start[: labels + 1], nodes[: label_start[labels]], TOO_MANY_STEPS
        starts, order = by_group(found_group[:found], groups)
        for group in range(groups):
            group_of[group_state[group]] = -1
            members = found_node[order[starts[group] : starts[group + 1]]]
            if labels + 1 == len(label_start):
                label_start = grown(label_start)
            if labels == len(keys):
                keys, slots = _more_room(keys)
            label = _intern(members, keys, slots, labels)
            if label == labels:
                first = label_start[labels]
                if first + len(members) > max_nodes:
                    return edges[:n_edges], label_start[: labels + 1], nodes[:first], TOO_MANY_NODES
                while first + len(members) > len(nodes):
                    nodes = grown(nodes)
                nodes[first : first + len(members)] = members
                labels += 1
                label_start[labels] = first + len(members)
            if n_edges == len(edges):
                edges = _more_rows(edges)
            edges[n_edges, 0] = source
            edges[n_edges, 1] = group_state[group]
            edges[n_edges, 2] = label
            n_edges += 1
    return edges[:n_edges], label_start[: labels + 1], nodes[: label_start[labels]], FINE


@kernel
def _intern(members: Ints, keys: Hashes, slots: Ints, count: int) -> int:
    """The number of a set among `count` known ones, or `count`, under which it is then known.

    Sets are told apart by two sums of 64-bit hashes.
    """
    first, second = np.uint64(0), np.uint64(0)
    for node in members:
        x = mixed(node)
        first += x
        second += x * x | np.uint64(1)
    mask = np.uint64(len(slots) - 1)
    at = first & mask
    while slots[at] >= 0:
        if keys[slots[at], 0] == first and keys[slots[at], 1] == second:
            return int(slots[at])
        at = (at + np.uint64(1)) & mask
    slots[at] = count
    keys[count, 0] = first
    keys[count, 1] = second
    return count


@kernel
def _more_room(keys: Hashes) -> tuple[Hashes, Ints]:
    """Twice the keys, and their hash table anew."""
    count = len(keys)
    more = np.empty((2 * count, 2), np.uint64)
    more[:count] = keys
    slots = np.full(4 * count, -1, np.int32)
    mask = np.uint64(len(slots) - 1)
    for i in range(count):
        at = keys[i, 0] & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        slots[at] = i
    return more, slots


@kernel
def walk_string(
    places: Ints,
    counted: Ints,
    closed: int,
    byte: npt.NDArray[np.uint8],
    depth: Ints,
    skip: Ints,
    is_token: npt.NDArray[np.bool_],
) -> tuple[Ints, Ints, Ints, Ints]:
    """Walk the whole trie from every place of a string body.

    Args:
        places, counted: [P, 256], the place after each byte (-1 none, `closed` after the quote) and 1 where the byte
            starts a code point that counts.

    Returns:
        groups: [G, 3] place, place after, code points; starts: [G + 1], where each group begins in `nodes`.
        nodes: the tokens that stay inside, rising in each group.
        exits: [m, 3], ways out: place, code points, node that the closing quote leads to.
    """
    most = depth.max() + 1
    groups = np.empty((256, 3), np.int32)
    all_starts = np.zeros(257, np.int32)
    n_groups = 0
    nodes = np.empty(4096, np.int32)
    exits = np.empty((256, 3), np.int32)
    n_exits = 0
    at = np.zeros(most + 1, np.int32)
    codes = np.zeros(most + 1, np.int32)
    found_node = np.empty(1024, np.int32)
    found_group = np.empty(1024, np.int32)
    group_of = np.full((len(places), most + 1), -1, np.int32)
    for place in range(len(places)):
        at[0] = place
        found = 0
        first_group = n_groups
        node = 1
        while node < len(byte):
            level = depth[node]
            before = at[level - 1]
            after = places[before, byte[node]]
            count = codes[level - 1] + counted[before, byte[node]]
            if after < 0:
                if after == closed:
                    if n_exits == len(exits):
                        exits = _more_rows(exits)
                    exits[n_exits, 0], exits[n_exits, 1], exits[n_exits, 2] = place, count, node
                    n_exits += 1
                node = skip[node]
                continue
            at[level] = after
            codes[level] = count
            if is_token[node]:
                if group_of[after, count] < first_group:
                    if n_groups == len(groups):
                        groups, all_starts = _more_rows(groups), grown(all_starts)
                    groups[n_groups, 0], groups[n_groups, 1], groups[n_groups, 2] = place, after, count
                    group_of[after, count] = n_groups
                    n_groups += 1
                if found == len(found_node):
                    found_node, found_group = grown(found_node), grown(found_group)
                found_node[found] = node
                found_group[found] = group_of[after, count] - first_group
                found += 1
            node += 1
        starts, order = by_group(found_group[:found], n_groups - first_group)
        base = all_starts[first_group]
        while base + found > len(nodes):
            nodes = grown(nodes)
        nodes[base : base + found] = found_node[order]
        while n_groups + 1 > len(all_starts):
            all_starts = grown(all_starts)
        for group in range(n_groups - first_group):
            all_starts[first_group + group + 1] = base + starts[group + 1]
    return (
        groups[:n_groups].copy(),
        all_starts[: n_groups + 1].copy(),
        nodes[: all_starts[n_groups]].copy(),
        exits[:n_exits].copy(),
    )


@kernel
def _more_rows(rows: Ints) -> Ints:
    more = np.empty((2 * len(rows), 3), np.int32)
    more[: len(rows)] = rows
    return more
