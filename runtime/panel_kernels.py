"""Attention of many tokens over one row's keys and values, on a CPU, with both laid out as matrix products take them.

Keys are kept in panels of WIDTH positions, values in panels of WIDTH columns (see model/products.py), so that scores
and mixtures are products that run at the speed of the processor, and the softmax between them stays in cache.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.kernel import kernel, loose_kernel
from agentfast.runtime.model.products import rows_of_tile
from agentfast.runtime.vector_kernels import exponential, greatest_bits
from agentfast.runtime.vectors import ROWS, WIDTH, float_of_bits

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@kernel
def place(
    keys: Floats, values: Floats, slots: Ints, first: int, key_panels: Floats, value_panels: Floats
) -> None:
    """Copy the keys and values at `slots` into the panels, to positions first, first + 1, ...

    keys, values [S, Hkv, D]; key_panels [Hkv, P, D, WIDTH]; value_panels [Hkv, Q, L, WIDTH] with Q WIDTH >= D.
    """
    heads, size = keys.shape[1], keys.shape[2]
    for i in range(len(slots)):
        panel, column = (first + i) // WIDTH, (first + i) % WIDTH
        for h in range(heads):
            key, value = keys[slots[i], h], values[slots[i], h]
            for d in range(size):
                key_panels[h, panel, d, column] = key[d]
            for low in range(0, size, WIDTH):
                target = value_panels[h, low // WIDTH, first + i]
                for d in range(low, min(size, low + WIDTH)):
                    target[d - low] = value[d]


@kernel
def attend_canvas(
    q: Floats,
    k: Floats,
    v: Floats,
    first: int,
    low: Ints,
    high: Ints,
    key_panels: Floats,
    value_panels: Floats,
    out: Floats,
) -> None:
    """Put a canvas's keys and values [C, Hkv, D] in their place, from position `first`, then `attend`."""
    place(k, v, np.arange(len(k)), first, key_panels, value_panels)
    attend(q, low, high, key_panels, value_panels, out)


@loose_kernel
def attend(q: Floats, low: Ints, high: Ints, key_panels: Floats, value_panels: Floats, out: Floats) -> None:
    """Softmax attention of N tokens, token n over positions low[n]..high[n]; scores are not scaled.

    q, out [N, Hq, D] contiguous; panels as from `place`. A token with a score that is not finite gets NaN.
    """
    queries, size = q.shape[1], q.shape[2]
    group = queries // key_panels.shape[0]
    scores = np.empty((ROWS, key_panels.shape[1] * WIDTH), np.float32)
    mixed = np.empty((ROWS, value_panels.shape[1] * WIDTH), np.float32)
    mass = np.empty(ROWS, np.float32)
    for first in range(0, len(q), ROWS):
        rows = min(ROWS, len(q) - first)
        start, stop = low[first], high[first]
        for m in range(1, rows):
            start, stop = min(start, low[first + m]), max(stop, high[first + m])
        for head in range(queries):
            at = (first * queries + head) * size
            _score(q, at, rows, head // group, start, stop, key_panels, scores)
            for m in range(rows):
                mass[m] = _soften(scores[m], start, low[first + m], high[first + m], stop)
            _mix(scores, rows, head // group, start, stop, value_panels, mixed)
            for m in range(rows):
                inverse = np.float32(1.0) / mass[m]
                target, source = out[first + m, head], mixed[m]
                for d in range(size):
                    target[d] = source[d] * inverse


@kernel
def _score(
    q: Floats, at: int, rows: int, pair: int, start: int, stop: int, key_panels: Floats, scores: Floats
) -> None:
    panels, size = key_panels.shape[1], key_panels.shape[2]
    stride = q.shape[1] * size
    for p in range(start // WIDTH, (stop + WIDTH - 1) // WIDTH):
        panel = (pair * panels + p) * size * WIDTH
        rows_of_tile(rows, q, at, stride, key_panels, panel, size, scores, p * WIDTH, scores.shape[1])


@kernel
def _mix(
    weights: Floats, rows: int, pair: int, start: int, stop: int, value_panels: Floats, mixed: Floats
) -> None:
    panels, length = value_panels.shape[1], value_panels.shape[2]
    for p in range(panels):
        panel = ((pair * panels + p) * length + start) * WIDTH
        rows_of_tile(
            rows,
            weights,
            start,
            weights.shape[1],
            value_panels,
            panel,
            stop - start,
            mixed,
            p * WIDTH,
            mixed.shape[1],
        )


@loose_kernel
def _soften(scores: Floats, start: int, low: int, high: int, stop: int) -> np.float32:
    """Turn scores low..high into weights whose sum is returned, and the others of start..stop into 0."""
    seen = scores[low:high]
    top = float_of_bits(greatest_bits(seen.view(np.int32)))  # some other number where there is a NaN
    mass = np.float32(0.0)
    for j in range(len(seen)):
        weight = exponential(seen[j] - top)
        seen[j] = weight
        mass += weight
    scores[start:low] = 0
    scores[high:stop] = 0
    return mass
