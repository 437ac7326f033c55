"""`read_logits` on a CPU: each position's logits are read once from memory and worked on while they are in cache."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.kernel import finite_kernel, kernel, loose_kernel
from agentfast.runtime.jit.simd_math import exponentials, greatest_bits, sums

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_BLOCK: Final = 1024


@kernel
def read(
    logits: Floats,
    temperatures: Floats,
    uniforms: NDArray[np.float64],
    p: Floats,
    best: NDArray[np.int64],
    sample: NDArray[np.int64],
    entropy: Floats,
) -> None:
    """logits [N, V] finite, temperatures [N], uniforms [N] -> p [N, V], best [N], sample [N], entropy [N]."""
    rows, size = logits.shape
    masses = np.empty((size + _BLOCK - 1) // _BLOCK, np.float32)
    shifted = np.empty(_BLOCK, np.float32)
    powers = np.empty(_BLOCK, np.int32)
    greatest = np.empty(1, np.int32)
    top = greatest.view(np.float32)
    for row in range(rows):
        x, y = logits[row], p[row]
        greatest[0] = greatest_bits(x.view(np.int32))
        inverse = np.float32(1.0) / temperatures[row]
        first = 0
        while x[first] != top[0]:
            first += 1
        best[row] = first
        total = 0.0
        energy = 0.0  # sum of weight * log weight
        for block in range(len(masses)):
            low, high = block * _BLOCK, min(size, (block + 1) * _BLOCK)
            _shift(x[low:high], top[0], inverse, shifted)
            exponentials(shifted, y[low:high], powers, high - low)
            masses[block], part = sums(y[low:high], shifted)
            total += float(masses[block])
            energy += float(part)
        entropy[row] = max(0.0, math.log(total) - energy / total)
        sample[row] = _invert(y, masses, uniforms[row] * total)
        _scale(y, np.float32(1.0 / total))


@loose_kernel
def accept(entropy: Floats, bound: np.float32, accepted: NDArray[np.bool_]) -> None:
    """entropy [C] -> accepted [C]: whether the entropies before a position, in rising order, sum to `bound` at most."""
    for i in range(len(entropy)):
        own = entropy[i]
        before = np.float32(0.0)
        for j in range(len(entropy)):
            first = entropy[j] < own or (entropy[j] == own and j < i)
            before += entropy[j] if first else np.float32(0.0)
        accepted[i] = before <= bound


@finite_kernel
def _shift(x: Floats, by: np.float32, inverse: np.float32, out: Floats) -> None:
    for v in range(len(x)):
        out[v] = (x[v] - by) * inverse


@finite_kernel
def _scale(y: Floats, by: np.float32) -> None:
    for v in range(len(y)):
        y[v] *= by


@kernel
def _invert(weights: Floats, masses: Floats, wanted: float) -> int:
    """The first index at which the cumulative weight exceeds `wanted`."""
    before = 0.0
    block = 0
    while block < len(masses) - 1 and before + masses[block] <= wanted:
        before += masses[block]
        block += 1
    for v in range(block * _BLOCK, len(weights)):
        before += weights[v]
        if before > wanted:
            return v
    last = len(weights) - 1
    while last > 0 and weights[last] == 0.0:
        last -= 1
    return last
