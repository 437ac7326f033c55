"""`read_logits` on a CPU: each position's logits are read once from memory and worked on while they are in cache."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_BLOCK = 256
_LOG2_E = np.float32(1.4426950408889634)
_LN2_HIGH = np.float32(0.693359375)
_LN2_LOW = np.float32(-2.12194440e-4)
_LOWEST = np.float32(-87.0)  # e^-87 is the smallest power that is a normal number

# e^r on [-ln2/2, ln2/2] as 1 + r + r^2 (c0 r^5 + .. + c5): Cephes' expf, within 2 units in the last place.
_C0 = np.float32(1.9875691500e-4)
_C1 = np.float32(1.3981999507e-3)
_C2 = np.float32(8.3334519073e-3)
_C3 = np.float32(4.1665795894e-2)
_C4 = np.float32(1.6666665459e-1)
_C5 = np.float32(5.0000001201e-1)


@numba.njit(cache=True, nogil=True, fastmath=True)
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
    blocks = (size + _BLOCK - 1) // _BLOCK
    masses = np.empty(blocks, np.float64)
    powers = np.empty(_BLOCK, np.int32)
    for row in range(rows):
        x, y = logits[row], p[row]
        top = x[0]
        for v in range(size):
            top = max(top, x[v])
        inverse = np.float32(1.0) / temperatures[row]
        first = 0
        while x[first] != top:
            first += 1
        best[row] = first
        total = 0.0
        energy = 0.0  # sum of weight * log weight
        for block in range(blocks):
            low, high = block * _BLOCK, min(size, (block + 1) * _BLOCK)
            mass, part = _weigh(x[low:high], y[low:high], top, inverse, powers)
            masses[block] = mass
            total += float(mass)
            energy += float(part)
        entropy[row] = max(0.0, math.log(total) - energy / total)
        sample[row] = _invert(y, masses, uniforms[row] * total)
        scale = np.float32(1.0 / total)
        for v in range(size):
            y[v] *= scale


@numba.njit(cache=True, nogil=True, fastmath=True)
def _weigh(
    x: Floats, y: Floats, top: np.float32, inverse: np.float32, powers: NDArray[np.int32]
) -> tuple[np.float32, np.float32]:
    """y = e^((x - top) * inverse); returns the sums of y and of y log y. `powers` is room for as many integers.

    In three loops, because each of them is one that the compiler can vectorise.
    """
    size = len(x)
    shifted = np.empty(_BLOCK, np.float32)
    for v in range(size):
        t = max((x[v] - top) * inverse, _LOWEST)
        k = np.rint(t * _LOG2_E)
        r = (t - k * _LN2_HIGH) - k * _LN2_LOW
        series = ((((_C0 * r + _C1) * r + _C2) * r + _C3) * r + _C4) * r + _C5
        y[v] = series * r * r + r + np.float32(1.0)
        powers[v] = np.int32(k) << 23
        shifted[v] = t
    bits = y.view(np.int32)
    for v in range(size):
        bits[v] += powers[v]  # times 2^k
    mass = np.float32(0.0)
    energy = np.float32(0.0)
    for v in range(size):
        mass += y[v]
        energy += y[v] * shifted[v]
    return mass, energy


@numba.njit(cache=True, nogil=True)
def _invert(weights: Floats, masses: NDArray[np.float64], wanted: float) -> int:
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
