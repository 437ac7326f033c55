"""Attention of many tokens over their rows' keys and values, on a CPU, with both laid out as matrix products take them.

Keys are kept in panels of WIDTH positions, values in panels of WIDTH columns (see kernels/matmul.py) and a narrower last
one, so that scores and mixtures are products that run at the speed of the processor, and the softmax between them stays
in cache.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.kernels.matmul import narrow_tile, rows_of_tile
from agentfast.runtime.jit.kernel import kernel, loose_kernel
from agentfast.runtime.jit.simd import NARROWEST, ROWS, WIDTH, float_of_bits
from agentfast.runtime.jit.simd_math import exponentiate, greatest_bits

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

MOST_SCORE: Final = 64.0
"""Scores within this of 0 need no maximum taken off: their powers, and sums of these, are normal float32 numbers."""


@kernel
def key_floats(capacity: int, size: int) -> int:
    """Numbers of a head's key panels for so many positions: [panels, D, WIDTH]."""
    return (capacity + WIDTH - 1) // WIDTH * WIDTH * size


@kernel
def columns_of(size: int) -> int:
    """Columns of a head's value panels: D, up to a whole number of the narrowest tiles."""
    return (size + NARROWEST - 1) // NARROWEST * NARROWEST


@kernel
def place(
    keys: Floats,
    values: Floats,
    slots: Ints,
    first: int,
    capacity: int,
    key_panels: Floats,
    value_panels: Floats,
) -> None:
    """Copy the keys and values at `slots` into a row's panels, to positions first, first + 1, ...

    keys, values [S, Hkv, D]; key_panels [Hkv * key_floats]: per head [panels, D, WIDTH]; value_panels
    [Hkv * capacity * columns_of]: per head [capacity, WIDTH] for each WIDTH columns, and what is left in a last panel.
    """
    heads, size = keys.shape[1], keys.shape[2]
    columns = columns_of(size)
    for i in range(len(slots)):
        position = first + i
        for h in range(heads):
            key, value = keys[slots[i], h], values[slots[i], h]
            at = h * key_floats(capacity, size) + position // WIDTH * size * WIDTH + position % WIDTH
            for d in range(size):
                key_panels[at + d * WIDTH] = key[d]
            for low in range(0, size, WIDTH):
                width = min(WIDTH, columns - low)
                at = (h * columns + low) * capacity + position * width
                for d in range(min(width, size - low)):
                    value_panels[at + d] = value[low + d]


@loose_kernel
def attend(
    q: Floats,
    heads: int,
    low: Ints,
    high: Ints,
    capacity: int,
    key_panels: Floats,
    value_panels: Floats,
    bounded: bool,
    out: Floats,
) -> None:
    """Softmax attention of N tokens, token n over positions low[n]..high[n]; scores are not scaled.

    q, out [N, Hq, D] contiguous; panels of `heads` heads as from `place`. A token with a score that is not finite gets
    NaN. `bounded`: no score is beyond MOST_SCORE, so that their powers can be taken as they are.
    """
    queries, size = q.shape[1], q.shape[2]
    longest = 0
    for n in range(len(high)):
        longest = max(longest, high[n])
    scores = np.empty((ROWS, (longest + WIDTH - 1) // WIDTH * WIDTH), np.float32)
    mixed = np.empty((ROWS, columns_of(size)), np.float32)
    mass = np.empty(ROWS, np.float32)
    first = 0
    while first < len(q):
        rows = _next_rows(len(q) - first)
        start, stop = low[first], high[first]
        for m in range(1, rows):
            start, stop = min(start, low[first + m]), max(stop, high[first + m])
        for head in range(queries):
            at = (first * queries + head) * size
            pair = head * heads // queries
            _score(q, at, rows, pair * key_floats(capacity, size), start, stop, key_panels, scores)
            for m in range(rows):
                mass[m] = _soften(scores[m], start, low[first + m], high[first + m], stop, bounded)
            _mix(scores, rows, pair * capacity * columns_of(size), start, stop, capacity, value_panels, mixed)
            for m in range(rows):
                inverse = np.float32(1.0) / mass[m]
                target, source = out[first + m, head], mixed[m]
                for d in range(size):
                    target[d] = source[d] * inverse
        first += rows


@kernel
def _next_rows(left: int) -> int:
    """Rows of the next tile out of `left`, so that the fewest tiles are about equal.

    A tile of a row or two takes as long as one of four: its sums are too few to keep the processor busy.
    """
    tiles = (left + ROWS - 1) // ROWS
    return (left + tiles - 1) // tiles


@kernel
def _score(
    q: Floats, at: int, rows: int, panels_at: int, start: int, stop: int, key_panels: Floats, scores: Floats
) -> None:
    size = q.shape[2]
    stride = q.shape[1] * size
    for p in range(start // WIDTH, (stop + WIDTH - 1) // WIDTH):
        panel = panels_at + p * size * WIDTH
        rows_of_tile(rows, q, at, stride, key_panels, panel, size, scores, p * WIDTH, scores.shape[1], panel)


@kernel
def _mix(
    weights: Floats,
    rows: int,
    panels_at: int,
    start: int,
    stop: int,
    capacity: int,
    value_panels: Floats,
    mixed: Floats,
) -> None:
    """In the narrow panel more rows than are asked for are mixed, which have their scratch and are not read."""
    stride, columns = weights.shape[1], mixed.shape[1]
    for low in range(0, columns, WIDTH):
        width = min(WIDTH, columns - low)
        panel = panels_at + low * capacity + start * width
        depth = stop - start
        if width == WIDTH:
            rows_of_tile(rows, weights, start, stride, value_panels, panel, depth, mixed, low, columns, panel)
        else:
            narrow_tile(width, weights, start, stride, value_panels, panel, depth, mixed, low, columns)


@loose_kernel
def _soften(scores: Floats, start: int, low: int, high: int, stop: int, bounded: bool) -> np.float32:
    """Turn scores low..high into weights whose sum is returned, and the others of start..stop into 0."""
    seen = scores[low:high]
    if not bounded:
        top = float_of_bits(greatest_bits(seen.view(np.int32)))  # some other number where there is a NaN
        for j in range(len(seen)):
            seen[j] -= top
    exponentiate(seen)
    mass = np.float32(0.0)
    for j in range(len(seen)):
        mass += seen[j]
    scores[start:low] = 0
    scores[high:stop] = 0
    return mass
