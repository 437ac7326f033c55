"""Counter-based random numbers: Philox 4x32 with ten rounds (Salmon et al. 2011).

numpy has the generator, too, but constructing one takes as long as drawing a thousand numbers, and each request needs
its own.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.kernel import inline_kernel, kernel

Words = tuple[np.uint64, np.uint64, np.uint64, np.uint64]

_ROUNDS: Final = 10
_FACTORS: Final = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_STEPS: Final = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW: Final = np.uint64(0xFFFFFFFF)
_HALF: Final = np.uint64(32)


@inline_kernel
def block(key: np.uint64, place: np.uint64, stream: np.uint64) -> Words:
    """One Philox block: four words of 32 bits of a 64-bit key and a counter, 64 bits of position, then 64 of stream."""
    k0, k1 = key & _LOW, key >> _HALF
    c0, c1, c2, c3 = place & _LOW, place >> _HALF, stream & _LOW, stream >> _HALF
    for _ in range(_ROUNDS):
        a, b = _FACTORS[0] * c0, _FACTORS[1] * c2
        c0, c1, c2, c3 = (b >> _HALF) ^ c1 ^ k0, b & _LOW, (a >> _HALF) ^ c3 ^ k1, a & _LOW
        k0, k1 = (k0 + _STEPS[0]) & _LOW, (k1 + _STEPS[1]) & _LOW
    return c0, c1, c2, c3


@kernel
def uniforms(key: np.uint64, stream: int, first: int, n: int) -> NDArray[np.float64]:
    """[n] float64, uniform in [0, 1), 53 bits each: a stream's numbers from position `first` on."""
    drawn = np.empty(n, np.float64)
    for i in range(n):
        words = block(key, np.uint64((first + i) >> 1), np.uint64(stream))
        high, low = (words[2], words[3]) if (first + i) & 1 else (words[0], words[1])
        drawn[i] = ((high << _HALF | low) >> np.uint64(11)) * 2.0**-53
    return drawn
