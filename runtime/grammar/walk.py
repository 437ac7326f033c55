"""Kernels that run an automaton over the vocabulary's trie."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.strings import CLOSED
from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]
Int = int | np.integer[Any] | Ints  # the checker takes an element of an array for an array


@kernel
def walk(
    entries: Ints,
    table: Ints,
    row_of: Ints,
    byte: npt.NDArray[np.uint8],
    depth: Ints,
    skip: Ints,
    is_token: npt.NDArray[np.bool_],
) -> tuple[Ints, int, Ints, int]:
    """Walk the subtree below each entry.

    Args:
        entries: [n, 3], a source, a node, and the state at that node; the node itself is not reported.
        table, row_of: the automaton's, see `Automaton`.
        byte, depth, skip, is_token: the trie's, see `Trie`.

    Returns:
        found: [m, 3], source, node and state of every token whose path lives.
        waiting: [w, 3], entries whose state must be expanded before they can be walked.
        Both come with their length, as the arrays have room to spare.
    """
    found = np.empty((1024, 3), np.int32)
    waiting = np.empty((64, 3), np.int32)
    n_found = 0
    n_waiting = 0
    states = np.zeros(depth.max() + 2, np.int32)
    for e in range(len(entries)):
        source, top, state = entries[e, 0], entries[e, 1], entries[e, 2]
        end = skip[top]
        if top + 1 == end:
            continue
        if row_of[state] < 0:
            waiting, n_waiting = _append(waiting, n_waiting, source, top, state)
            continue
        states[depth[top]] = row_of[state]
        node = top + 1
        while node < end:
            level = depth[node]
            state = table[states[level - 1], byte[node]]
            if state < 0:
                node = skip[node]
                continue
            if is_token[node]:
                found, n_found = _append(found, n_found, source, node, state)
            if skip[node] > node + 1:
                if row_of[state] < 0:
                    waiting, n_waiting = _append(waiting, n_waiting, source, node, state)
                    node = skip[node]
                    continue
                states[level] = row_of[state]
            node += 1
    return found, n_found, waiting, n_waiting


@kernel
def _append(rows: Ints, count: int, a: Int, b: Int, c: Int) -> tuple[Ints, int]:
    if count == len(rows):
        grown = np.empty((2 * count, 3), np.int32)
        grown[:count] = rows
        rows = grown
    rows[count, 0] = a
    rows[count, 1] = b
    rows[count, 2] = c
    return rows, count + 1


@kernel
def walk_string(
    places: Ints,
    counted: Ints,
    byte: npt.NDArray[np.uint8],
    depth: Ints,
    skip: Ints,
    is_token: npt.NDArray[np.bool_],
) -> tuple[Ints, Ints]:
    """Walk the whole trie from every place of a JSON string body.

    Args:
        places, counted: [P, 256], the place after each byte (-1 none, CLOSED after the quote) and 1 where the
            byte starts a code point.

    Returns:
        inner: [n, 4], tokens that stay inside: place, place after, code points, node.
        exits: [m, 3], ways out: place, code points, node that the closing quote leads to.
    """
    inner = np.empty((1024, 4), np.int32)
    exits = np.empty((256, 3), np.int32)
    n_inner = 0
    n_exits = 0
    at = np.zeros(depth.max() + 2, np.int32)
    codes = np.zeros(depth.max() + 2, np.int32)
    for place in range(len(places)):
        at[0] = place
        node = 1
        while node < len(byte):
            level = depth[node]
            before = at[level - 1]
            after = places[before, byte[node]]
            count = codes[level - 1] + counted[before, byte[node]]
            if after == CLOSED:
                exits, n_exits = _append(exits, n_exits, place, count, node)
                node = skip[node]
                continue
            if after < 0:
                node = skip[node]
                continue
            at[level] = after
            codes[level] = count
            if is_token[node]:
                if n_inner == len(inner):
                    grown = np.empty((2 * n_inner, 4), np.int32)
                    grown[:n_inner] = inner
                    inner = grown
                inner[n_inner, 0] = place
                inner[n_inner, 1] = after
                inner[n_inner, 2] = count
                inner[n_inner, 3] = node
                n_inner += 1
            node += 1
    return inner[:n_inner].copy(), exits[:n_exits].copy()
