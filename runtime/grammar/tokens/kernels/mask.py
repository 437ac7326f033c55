"""Kernels for the token mask of a grammar's state."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


class MaskArrays(NamedTuple):
    """Arrays of a `TokenGrammar` that decide the next tokens; `classes` is the number of classes, K."""

    edge_start: Ints
    edge_target: Ints
    edge_label: Ints
    distance: Ints
    label_start: Ints
    label_class: Ints
    token_class: Ints
    classes: int


@kernel
def mark_classes(grammar: MaskArrays, state: int, budget: int, alive: Bools) -> None:
    """Set `alive`, [K], for the classes whose tokens may come next, with `budget` tokens left before the next one."""
    alive[:] = False
    for edge in range(grammar.edge_start[state], grammar.edge_start[state + 1]):
        if grammar.distance[grammar.edge_target[edge]] <= budget - 1:
            label = grammar.edge_label[edge]
            for at in range(grammar.label_start[label], grammar.label_start[label + 1]):
                alive[grammar.label_class[at]] = True


@kernel
def allowed_tokens(grammar: MaskArrays, state: int, budget: int) -> Bools:
    """[V], the tokens that may come next."""
    alive = np.empty(grammar.classes, np.bool_)
    mark_classes(grammar, state, budget, alive)
    allowed = np.empty(len(grammar.token_class), np.bool_)
    for token in range(len(allowed)):
        allowed[token] = alive[grammar.token_class[token]]
    return allowed
