"""Attention of single tokens over a paged cache, on a CPU: nothing is gathered, nothing padded."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.kernel import loose_kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@loose_kernel
def attend_tokens(
    q: Floats,
    keys: Floats,
    values: Floats,
    slots: Ints,
    row_start: Ints,
    token: Ints,
    row: Ints,
    first: Ints,
    end: Ints,
    out: Floats,
) -> None:
    """Softmax attention of Q tokens, each over positions first..end of its row.

    Args:
        q, out: [T, Hq, D]; scores are not scaled.
        keys, values: [S, Hkv, D], the store.
        slots, row_start: the slot of each position of each row, rows one after the other.
        token, row, first, end: [Q], where a query stands in q, its row, and the positions it sees.
    """
    group = q.shape[1] // keys.shape[1]
    size = q.shape[2]
    longest = 0
    for i in range(len(token)):
        longest = max(longest, end[i] - first[i])
    scores = np.empty((group, longest), np.float32)
    mixed = np.empty(size, np.float32)
    for i in range(len(token)):
        seen = slots[row_start[row[i]] + first[i] : row_start[row[i]] + end[i]]
        for pair in range(keys.shape[1]):
            for j in range(len(seen)):
                key = keys[seen[j], pair]
                for g in range(group):
                    query = q[token[i], pair * group + g]
                    total = np.float32(0.0)
                    for d in range(size):
                        total += query[d] * key[d]
                    scores[g, j] = total
            for g in range(group):
                highest = scores[g, 0]
                for j in range(1, len(seen)):
                    highest = max(highest, scores[g, j])
                mass = np.float32(0.0)
                mixed[:] = 0
                for j in range(len(seen)):
                    weight = np.float32(math.exp(scores[g, j] - highest))
                    mass += weight
                    value = values[seen[j], pair]
                    for d in range(size):
                        mixed[d] += weight * value[d]
                target = out[token[i], pair * group + g]
                for d in range(size):
                    target[d] = mixed[d] / mass
