"""Kernel that runs an automaton over the vocabulary's trie and gathers tokens of equal effect into labels."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.kernels.subtree import (
    EXITS,
    ITEMS,
    STEPS,
    Found,
    add_token,
    descend,
    forget_groups,
    group_count,
    group_items,
    members,
    nothing_found,
)
from agentfast.runtime.grammar.tokens.transition_tables import LEAVES, TransitionTables, state_after_closing
from agentfast.runtime.grammar.tokens.trie import TrieArrays
from agentfast.runtime.jit.arrays import grown, grown_rows
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

FINE: Final = 0
TOO_MANY_NODES: Final = 1
TOO_MANY_STEPS: Final = 2


@kernel
def walk(
    entries: Ints, tables: TransitionTables, trie: TrieArrays, max_nodes: int, max_steps: int
) -> tuple[Ints, Ints, Ints, Ints, int]:
    """Walk the subtree below each entry, and group the tokens of each source by the state they lead to.

    Args:
        entries: [n, 4], a source, a node, the state at that node, and whether the node's own token counts; the entries
            of a source together, their subtrees apart from each other.
        moves: every state that can be met is expanded or in a block.
        max_nodes: that the labels may hold; max_steps: nodes that may be visited.

    Returns:
        edges: [m, 3], source, target and label.
        exits: [x, 3], source, state before a closing quote that leaves what is known, and node that it leads to.
        label_start: [L + 1], where each label begins in `nodes`.
        nodes: trie nodes of each label. No two labels are equal.
        FINE, or which limit was met.
    """
    edges = np.empty((256, 3), np.int32)
    exits = np.empty((256, 3), np.int32)
    n_edges, n_exits = 0, 0
    labels = _no_labels()
    found = nothing_found()
    levels = trie.depth.max() + 2
    path = np.zeros((levels, 3), np.int32)
    frames = np.empty((levels, 5), np.int64)
    group_of = np.full(len(tables.block_of), -1, np.int32)
    status = FINE
    e = 0
    while e < len(entries) and status == FINE:
        source = entries[e, 0]
        found.used[ITEMS], found.used[EXITS] = 0, 0
        while e < len(entries) and entries[e, 0] == source:
            top, state, own = np.int64(entries[e, 1]), np.int64(entries[e, 2]), np.int64(entries[e, 3])
            e += 1
            if own and trie.skip[top] == top + 1 and found.used[ITEMS] < len(found.items):
                add_token(found.items, found.used, top, state)
            else:
                found = descend(found, tables, trie, top, state, own, path, group_of, frames)
        i = 0
        while i < found.used[EXITS]:  # they may grow while they are followed
            before, node = np.int64(found.exits[i, 0]), np.int64(found.exits[i, 1])
            after = np.int64(state_after_closing(tables, before))
            if after >= 0:
                found = descend(found, tables, trie, node, after, np.int64(1), path, group_of, frames)
            elif after == LEAVES:
                if n_exits == len(exits):
                    exits = grown_rows(exits)
                exits[n_exits, 0], exits[n_exits, 1], exits[n_exits, 2] = source, before, node
                n_exits += 1
            i += 1
        first = group_count(found)
        found = group_items(found, np.int64(0), group_of)
        for group in range(first, group_count(found)):
            labels, label = _label_of(labels, found, group)
            if n_edges == len(edges):
                edges = grown_rows(edges)
            edges[n_edges, 0], edges[n_edges, 1], edges[n_edges, 2] = source, found.groups[group, 0], label
            n_edges += 1
        forget_groups(found, first)
        if found.used[STEPS] > max_steps:
            status = TOO_MANY_STEPS
        elif labels.start[labels.size[0]] > max_nodes:
            status = TOO_MANY_NODES
    last = labels.size[0]
    return (
        edges[:n_edges].copy(),
        exits[:n_exits].copy(),
        labels.start[: last + 1].copy(),
        labels.nodes[: labels.start[last]].copy(),
        status,
    )


class _Labels(NamedTuple):
    """Different sets of nodes: where each begins in `nodes`, two sums that identify it, and how many there are."""

    start: Ints
    nodes: Ints
    sums: Longs
    slots: Ints
    size: Longs


@kernel
def _no_labels() -> _Labels:
    return _Labels(
        np.zeros(257, np.int32),
        np.empty(4096, np.int32),
        np.empty((256, 2), np.int64),
        np.full(512, -1, np.int32),
        np.zeros(1, np.int64),
    )


@kernel
def _label_of(labels: _Labels, found: Found, group: int) -> tuple[_Labels, int]:
    """The label that has the nodes of a group, perhaps a new one."""
    first, second = found.groups[group, 2], found.groups[group, 3]
    label = labels.slots[_slot(labels.sums, labels.slots, first, second)]
    if label >= 0:
        return labels, int(label)
    start, nodes, sums, slots, size = labels
    label = size[0]
    if label == len(sums):
        start, sums = grown(start), grown_rows(sums)
        slots = np.full(2 * len(slots), -1, np.int32)
        for i in range(label):
            slots[_slot(sums, slots, sums[i, 0], sums[i, 1])] = i
    slots[_slot(sums, slots, first, second)] = label
    sums[label, 0], sums[label, 1] = first, second
    inside = members(found, group)
    end = start[label] + len(inside)
    while end > len(nodes):
        nodes = grown(nodes)
    for i in range(len(inside)):
        nodes[start[label] + i] = inside[i]
    start[label + 1] = end
    size[0] += 1
    return _Labels(start, nodes, sums, slots, size), int(label)


@kernel
def _slot(sums: Longs, slots: Ints, first: int, second: int) -> np.uint64:
    """Hash slot of the label with these sums."""
    mask = np.uint64(len(slots) - 1)
    at = np.uint64(first) & mask
    while slots[at] >= 0 and (sums[slots[at], 0] != first or sums[slots[at], 1] != second):
        at = (at + np.uint64(1)) & mask
    return at
