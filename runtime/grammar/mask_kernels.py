"""Kernels that tell what a grammar allows next: the mask of a state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@kernel
def mark_classes(
    state: int,
    budget: int,
    edge_start: Ints,
    edge_target: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    distance: Ints,
    alive: Bools,
) -> None:
    """Set `alive`, [K], for the classes whose tokens may come next, with `budget` tokens left before the next one."""
    alive[:] = False
    for edge in range(edge_start[state], edge_start[state + 1]):
        if distance[edge_target[edge]] <= budget - 1:
            label = edge_label[edge]
            for at in range(label_start[label], label_start[label + 1]):
                alive[label_class[at]] = True


@kernel
def allowed_tokens(
    state: int,
    budget: int,
    edge_start: Ints,
    edge_target: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    distance: Ints,
    classes: int,
    token_class: Ints,
) -> Bools:
    """[V], the tokens that may come next."""
    alive = np.empty(classes, np.bool_)
    mark_classes(
        state, budget, edge_start, edge_target, edge_label, label_start, label_class, distance, alive
    )
    allowed = np.empty(len(token_class), np.bool_)
    for token in range(len(token_class)):
        allowed[token] = alive[token_class[token]]
    return allowed
