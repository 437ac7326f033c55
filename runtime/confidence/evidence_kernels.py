"""Kernels of the probability of a given text under a posterior, over all its tokenizations."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.kernels.edges import EdgeArrays, mark_classes
from agentfast.runtime.jit.arrays import extended
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

LOST: Final = -1
_NEGLIGIBLE: Final = 1e-18  # of the mass that is followed


@kernel
def trace(
    tokens: npt.NDArray[np.int64],
    token_class: Ints,
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
) -> Ints:
    """[C + 1] nodes of the plan that the tokens pass; -1 from where they leave it."""
    path = np.full(len(tokens) + 1, -1, np.int32)
    path[0] = 0
    for i in range(len(tokens)):
        after = follow(
            path[i], int(token_class[tokens[i]]), edge_start, edge_to, edge_label, label_start, label_class
        )
        if after < 0:
            break
        path[i + 1] = after
    return path


@kernel
def follow(
    node: int,
    chosen: int,
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
) -> int:
    """The node after a token of class `chosen`; -1 if no edge takes it."""
    for edge in range(edge_start[node], edge_start[node + 1]):
        label = edge_label[edge]
        for at in range(label_start[label], label_start[label + 1]):
            if label_class[at] == chosen:
                return int(edge_to[edge])
    return -1


@kernel
def matches(text: Bytes, going_on: npt.NDArray[np.bool_], byte: Bytes, skip: Ints) -> Ints:
    """Tokens that can spell a text of n bytes from each offset.

    Args:
        going_on: [256] bytes after the text that would make another value of it.
        byte, skip: of the vocabulary's trie.

    Returns:
        [m, 4] offset, first and last + 1 trie node whose tokens match, and where they lead: an offset, n + 1 where the
        text is spelled and ended, LOST where it goes on. Offset n is the spelled text whose end is not seen yet; there
        only tokens that go on are listed.
    """
    n = len(text)
    open_ended = going_on.any()
    found = np.empty((64, 4), np.int32)
    count = 0
    for offset in range(n):
        node = 0
        at = offset
        while at < n:
            node = _child(node, text[at], byte, skip)
            if node < 0:
                break
            at += 1
            to = at if at < n or open_ended else n + 1
            found, count = _put(found, count, offset, node, node + 1, to)
        if node < 0:
            continue
        child = node + 1
        while child < skip[node]:
            if not going_on[byte[child]]:
                found, count = _put(found, count, offset, child, skip[child], n + 1)
            child = skip[child]
    child = 1
    while open_ended and child < skip[0]:
        if going_on[byte[child]]:
            found, count = _put(found, count, n, child, skip[child], LOST)
        child = skip[child]
    return found[:count].copy()


@kernel
def _child(node: int, wanted: int, byte: Bytes, skip: Ints) -> int:
    child = node + 1
    while child < skip[node]:
        if byte[child] == wanted:
            return child
        child = skip[child]
    return -1


@kernel
def _put(rows: Ints, count: int, a: int, b: int, c: int, d: int) -> tuple[Ints, int]:
    if count == len(rows):
        grown = np.empty((2 * count, 4), np.int32)
        for i in range(count):
            for j in range(4):
                grown[i, j] = rows[i, j]
        rows = grown
    rows[count, 0] = a
    rows[count, 1] = b
    rows[count, 2] = c
    rows[count, 3] = d
    return rows, count + 1


@kernel
def spell(
    logits: Floats,
    columns: npt.NDArray[np.int64],
    token_class: Ints,
    match_start: Ints,
    match_to: Ints,
    open_ended: bool,
    node: int,
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    log_beta: Doubles,
) -> tuple[float, Doubles]:
    """Probability that what follows a node is a text of n bytes.

    Args:
        logits: [P, V] from the node's position to the canvas's end.
        columns, token_class: [U], of the tokens in the text's matches.
        match_start: [n + 2], where the matches from each offset begin; match_to: [U], see `matches`.
        open_ended: whether the text, once spelled, may go on.
        node: of the plan, whose other arrays follow.
        log_beta: [N] log weight of all paths from each node to the canvas's end.

    Returns:
        The probability that the text is spelled and ended inside the canvas, and [n + 1] the probabilities that the
        canvas ends after so many of its bytes.
    """
    n = len(match_start) - 2
    arrived = np.zeros(n + 1, np.float64)
    ended = 0.0
    nodes, offsets, masses = np.empty(64, np.int32), np.empty(64, np.int32), np.empty(64, np.float64)
    nodes[0], offsets[0], masses[0] = node, 0, 1.0
    count = 1
    for i in range(len(logits)):
        next_nodes = np.empty(64, np.int32)
        next_offsets = np.empty(64, np.int32)
        next_masses = np.empty(64, np.float64)
        next_count = 0
        for k in range(count):
            offset = offsets[k]
            left = masses[k]
            for match in range(match_start[offset], match_start[offset + 1]):
                after = follow(
                    nodes[k], token_class[match], edge_start, edge_to, edge_label, label_start, label_class
                )
                if after < 0:
                    continue
                mass = masses[k] * np.exp(logits[i, columns[match]] + log_beta[after] - log_beta[nodes[k]])
                to = match_to[match]
                if to == LOST:
                    left -= mass
                elif to == n + 1:
                    ended += mass
                elif mass > _NEGLIGIBLE:
                    at = 0
                    while at < next_count and not (next_nodes[at] == after and next_offsets[at] == to):
                        at += 1
                    if at == next_count:
                        if at == len(next_nodes):
                            next_nodes = extended(next_nodes, 2 * at)
                            next_offsets = extended(next_offsets, 2 * at)
                            next_masses = extended(next_masses, 2 * at)
                        next_nodes[at], next_offsets[at], next_masses[at] = after, to, 0.0
                        next_count += 1
                    next_masses[at] += mass
            if offset == n and open_ended:
                ended += max(left, 0.0)
        nodes, offsets, masses, count = next_nodes, next_offsets, next_masses, next_count
    for k in range(count):
        arrived[offsets[k]] += masses[k]
    return ended, arrived


@kernel
def choices(
    logits: Floats,
    tokens: npt.NDArray[np.int64],
    states: Ints,
    grammar: EdgeArrays,
    budget: int,
    most: int,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Doubles]:
    """The distributions that n tokens were taken from: what the grammar allowed, and its probabilities.

    Args:
        logits: [n, V]; tokens: [n]; states, [n], and budget: the grammar's, before each token and before the first.
        most: of a distribution over more tokens only the one that was taken is kept.

    Returns:
        [n + 1] where each distribution begins, empty where one token only was allowed; ids; and probabilities.
    """
    starts = np.zeros(len(tokens) + 1, np.int64)
    ids, p = np.empty(256, np.int64), np.empty(256, np.float64)
    alive, token_class = np.empty(grammar.classes, np.bool_), grammar.token_class
    for i in range(len(tokens)):
        mark_classes(grammar, states[i], budget - i, alive)
        count, greatest = 0, -np.inf
        for token in range(len(token_class)):
            if alive[token_class[token]]:
                count += 1
                greatest = max(greatest, logits[i, token])
        start = starts[i]
        stop = start + (0 if count == 1 else 1 if count > most else count)
        starts[i + 1] = stop
        if stop == start:
            continue
        if stop > len(ids):
            room = max(stop, 2 * len(ids))
            ids, p = extended(ids, room), extended(p, room)
        total = 0.0
        at = start
        for token in range(len(token_class)):
            if alive[token_class[token]]:
                weight = np.exp(np.float64(logits[i, token]) - greatest)
                total += weight
                if count <= most or token == tokens[i]:
                    ids[at], p[at] = token, weight
                    at += 1
        p[start:stop] /= total
    return starts, ids[: starts[-1]].copy(), p[: starts[-1]].copy()
