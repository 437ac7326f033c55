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
def after_edge(grammar: EdgeArrays, edge: Int, raised: Int) -> int:
    """The state after an edge, BLOCKED if it may not be taken.

    Args:
        raised: S times the counter's value before it.
    """
    size = len(grammar.distance)
    after = grammar.edge_target[edge]
    if after == size - 1:
        return int(after)
    if grammar.edge_label[edge] == grammar.counted:
        if raised >= grammar.most * size:
            return BLOCKED
        return int(after + raised + size)
    return int(after + raised)


@kernel
def after_class(grammar: EdgeArrays, state: Int, chosen: Int) -> int:
    """The state after a token of a class; BLOCKED if none may come."""
    size = len(grammar.distance)
    base = state % size
    for edge in range(grammar.edge_start[base], grammar.edge_start[base + 1]):
        label = grammar.edge_label[edge]
        for at in range(grammar.label_start[label], grammar.label_start[label + 1]):
            if grammar.label_class[at] == chosen:
                return after_edge(grammar, edge, state - base)
    return BLOCKED


@kernel
def mark_classes(grammar: EdgeArrays, state: Int, budget: Int, alive: Bools) -> None:
    """Set `alive`, [K], for the classes whose tokens may come next, with `budget` tokens left before the next one."""
    alive[:] = False
    base = state % len(grammar.distance)
    for edge in range(grammar.edge_start[base], grammar.edge_start[base + 1]):
        near = grammar.distance[grammar.edge_target[edge]] <= budget - 1
        if near and after_edge(grammar, edge, state - base) != BLOCKED:
            label = grammar.edge_label[edge]
            for at in range(grammar.label_start[label], grammar.label_start[label + 1]):
                alive[grammar.label_class[at]] = True


@kernel
def allowed_tokens(grammar: EdgeArrays, state: Int, budget: Int) -> Bools:
    """[V], the tokens that may come next."""
    alive = np.empty(grammar.classes, np.bool_)
    mark_classes(grammar, state, budget, alive)
    allowed = np.empty(len(grammar.token_class), np.bool_)
    for token in range(len(allowed)):
        allowed[token] = alive[grammar.token_class[token]]
    return allowed
