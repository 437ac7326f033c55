"""Exponentials, maxima and sums of float32 arrays, in loops that vectorize."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.kernel import finite_kernel, kernel, loose_kernel
from agentfast.runtime.jit.simd import float_of_bits

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]

_LOG2_E: Final = np.float32(1.4426950408889634)
_LN2: Final = np.float32(0.6931471805599453)
_LOWEST: Final = np.float32(-87.0)  # e^-87 is the smallest power that is a normal number
_HIGHEST: Final = np.float32(88.0)

# e^r on [-ln2/2, ln2/2] as 1 + r + r^2 (c0 r^3 + .. + c3), within 1.1e-7 of it (minimax).
_C0: Final = np.float32(8.31243e-3)
_C1: Final = np.float32(4.189099e-2)
_C2: Final = np.float32(1.6667118e-1)
_C3: Final = np.float32(4.9999226e-1)
_ONE: Final = np.float32(1.0)


@loose_kernel
def _power(t: np.float32, n: np.int32) -> np.float32:
    """e^t / 2^n, n being the integer nearest to t log2(e)."""
    r = t - np.float32(n) * _LN2
    return np.float32((((((_C0 * r + _C1) * r + _C2) * r + _C3) * r) + _ONE) * r + _ONE)


@loose_kernel
def exponential(x: np.float32) -> np.float32:
    """e^x for x in [-87, 88], e^-87 below and e^88 above; NaN of NaN."""
    t = _LOWEST if x < _LOWEST else x  # in this form a NaN passes
    t = _HIGHEST if t > _HIGHEST else t
    # Rounds, as what is truncated is not negative.
    biased = np.int32(t * _LOG2_E + np.float32(127.5))
    return np.float32(_power(t, np.int32(biased - np.int32(127))) * float_of_bits(biased << np.int32(23)))


@loose_kernel
def exponentiate(x: Floats) -> None:
    """x = e^x, element by element as in `exponential`; in a loop of its own, whose constants fit the registers."""
    for i in range(len(x)):
        x[i] = exponential(x[i])


@finite_kernel
def exponentials(x: Floats, y: Floats, powers: Ints, size: int) -> None:
    """y = e^x for the first `size` numbers, none above 0; those of -87 and less give 0 and are set to -87.

    Args:
        powers: scratch, [size] or longer.
    """
    for v in range(size):
        alive = x[v] > _LOWEST
        t = x[v] if alive else _LOWEST
        n = np.int32(t * _LOG2_E - np.float32(0.5))
        power = _power(t, n)
        y[v] = power if alive else np.float32(0.0)
        powers[v] = n << 23 if alive else np.int32(0)
        x[v] = t
    bits = y.view(np.int32)
    for v in range(size):
        bits[v] += powers[v]  # times 2^k


@kernel
def greatest_bits(bits: Ints) -> np.int32:
    """Bits of the greatest float32, found among integers of the same order."""
    greatest = np.int32(-(2**31))
    for j in range(len(bits)):
        ordered = np.int32(bits[j] ^ ((bits[j] >> np.int32(31)) & np.int32(0x7FFFFFFF)))
        greatest = max(greatest, ordered)
    return greatest ^ ((greatest >> 31) & np.int32(0x7FFFFFFF))


@finite_kernel
def sums(y: Floats, x: Floats) -> tuple[np.float32, np.float32]:
    """Sums of y and of x y."""
    total = np.float32(0.0)
    moment = np.float32(0.0)
    for j in range(len(y)):
        total += y[j]
        moment += y[j] * x[j]
    return total, moment
