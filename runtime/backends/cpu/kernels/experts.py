"""Routing: the experts of each token, and the tokens in order of their experts."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.kernel import kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@kernel
def choose(scores: Floats, expert_scale: Floats, rows: int, weights: Floats, chosen: Ints) -> None:
    """The top k experts of each of the first `rows` tokens: scores [M, at least E] -> weights, chosen [M, k].

    A weight is the softmax over the chosen, times the expert's scale.
    """
    experts = len(expert_scale)
    top = weights.shape[1]
    for t in range(rows):
        for j in range(top):
            best = -1
            for e in range(experts):
                taken = False
                for other in range(j):
                    taken = taken or chosen[t, other] == e
                if not taken and (best < 0 or scores[t, e] > scores[t, best]):
                    best = e
            chosen[t, j] = best
        total = np.float32(0.0)
        for j in range(top):
            weights[t, j] = math.exp(scores[t, chosen[t, j]] - scores[t, chosen[t, 0]])
            total += weights[t, j]
        for j in range(top):
            weights[t, j] = weights[t, j] / total * expert_scale[chosen[t, j]]


@kernel
def group(chosen: Ints, rows: int, source: Ints, ends: Ints) -> None:
    """Order the first `rows` tokens by expert.

    chosen [M, k] becomes each choice's place in that order. source [rows * k]: the token at each place; ends [E]: where
    the places of each expert end.
    """
    top = chosen.shape[1]
    ends[:] = 0
    for t in range(rows):
        for j in range(top):
            ends[chosen[t, j]] += 1
    start = 0
    for e in range(len(ends)):
        start, ends[e] = start + ends[e], start
    for t in range(rows):
        for j in range(top):
            e = chosen[t, j]
            source[ends[e]] = t
            chosen[t, j] = ends[e]
            ends[e] += 1
