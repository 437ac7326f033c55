"""Kernels that step through a grammar's edges: the state after an edge, and the token mask of a state."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]
Int = int | np.integer[Any]

BLOCKED: Final = -1
"""In place of a state: the counter is full."""


class EdgeArrays(NamedTuple):
    """Arrays of a `TokenGrammar` that decide the next tokens, S states.

    Attributes:
        classes: number of classes, K.
        counted: the label whose edges raise the counter, -1 for none.
        most: the counter's last value. State s after n counted edges is s + n S.
    """

    edge_start: Ints
    edge_target: Ints
    edge_label: Ints
    distance: Ints
    label_start: Ints
    label_class: Ints
    token_class: Ints
    classes: int
    counted: int
    most: int


@kernel
def counted_state(target: Int, label: Int, raised: Int, size: Int, counted: Int, most: Int) -> int:
    """The state after an edge to `target`, one of S = `size`, with a label; BLOCKED if it may not be taken.

    Numbers only, as arrays would have their references counted at each call.

    Args:
        raised: S times the counter's value before it.
        counted, most: of the counter, see `EdgeArrays`.
    """
    if target == size - 1:
        return int(target)
    if label != counted:
        return int(target + raised)
    return int(target + raised + size) if raised < most * size else BLOCKED


@kernel
def after_edge(grammar: EdgeArrays, edge: Int, raised: Int) -> int:
    """The state after an edge, BLOCKED if it may not be taken; `raised` as in `counted_state`."""
    target, label = grammar.edge_target[edge], grammar.edge_label[edge]
    return counted_state(target, label, raised, len(grammar.distance), grammar.counted, grammar.most)


@kernel
def after_class(grammar: EdgeArrays, state: Int, chosen: Int) -> int:
    """The state after a token of a class; BLOCKED if none may come."""
    edge_start, edge_label = grammar.edge_start, grammar.edge_label
    label_start, label_class = grammar.label_start, grammar.label_class
    base = state % len(grammar.distance)
    for edge in range(edge_start[base], edge_start[base + 1]):
        label = edge_label[edge]
        for at in range(label_start[label], label_start[label + 1]):
            if label_class[at] == chosen:
                return after_edge(grammar, edge, state - base)
    return BLOCKED


@kernel
def mark_classes(grammar: EdgeArrays, state: Int, budget: Int, alive: Bools) -> None:
    """Set `alive`, [K], for the classes whose tokens may come next, with `budget` tokens left before the next one."""
    edge_start, edge_target, edge_label = grammar.edge_start, grammar.edge_target, grammar.edge_label
    label_start, label_class, distance = grammar.label_start, grammar.label_class, grammar.distance
    alive[:] = False
    base = state % len(distance)
    is_full = state - base >= grammar.most * len(distance)
    for edge in range(edge_start[base], edge_start[base + 1]):
        label = edge_label[edge]
        if distance[edge_target[edge]] <= budget - 1 and not (is_full and label == grammar.counted):
            for at in range(label_start[label], label_start[label + 1]):
                alive[label_class[at]] = True


@kernel
def allowed_tokens(grammar: EdgeArrays, state: Int, budget: Int) -> Bools:
    """[V], the tokens that may come next."""
    alive = np.empty(grammar.classes, np.bool_)
    mark_classes(grammar, state, budget, alive)
    allowed = np.empty(len(grammar.token_class), np.bool_)
    for token in range(len(allowed)):
        allowed[token] = alive[grammar.token_class[token]]
    return allowed
