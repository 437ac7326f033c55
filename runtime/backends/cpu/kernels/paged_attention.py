"""Attention of single tokens over a paged cache, on a CPU: nothing is gathered, nothing padded."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.kernel import loose_kernel

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@loose_kernel
def attend_paged(
    q: Floats, keys: Floats, values: Floats, slots: Ints, first: int, start: int, window: int, out: Floats
) -> None:
    """Softmax attention of a row's N tokens, which are positions start, start + 1, ..., over the row up to themselves.

    Args:
        q, out: [N, Hq, D]; scores are not scaled.
        keys, values: [S, Hkv, D], the store.
        slots: of the row's positions from `first` on.
        window: how many positions a token sees; 0: all.
    """
    group = q.shape[1] // keys.shape[1]
    size = q.shape[2]
    scores = np.empty((group, len(slots)), np.float32)
    mixed = np.empty(size, np.float32)
    for n in range(len(q)):
        end = start + n + 1
        low = max(0, end - window) if window else 0
        seen = slots[low - first : end - first]
        for pair in range(keys.shape[1]):
            for j in range(len(seen)):
                key = keys[seen[j], pair]
                for g in range(group):
                    query = q[n, pair * group + g]
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
                target = out[n, pair * group + g]
                for d in range(size):
                    target[d] = mixed[d] / mass
