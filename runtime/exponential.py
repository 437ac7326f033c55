"""e^x of a float32 as plain arithmetic, so that loops over it run in vector instructions."""

from __future__ import annotations

from typing import Final

import numpy as np

from agentfast.runtime.kernel import loose_kernel
from agentfast.runtime.vectors import float_of_bits

_LOG2_E: Final = np.float32(1.4426950408889634)
_LN2_HIGH: Final = np.float32(0.693359375)
_LN2_LOW: Final = np.float32(-2.12194440e-4)
_LOWEST: Final = np.float32(-87.0)  # e^-87 is the smallest power that is a normal number
_HIGHEST: Final = np.float32(88.0)

# e^r on [-ln2/2, ln2/2] as 1 + r + r^2 (c0 r^5 + .. + c5): Cephes' expf, within 2 units in the last place.
_C0: Final = np.float32(1.9875691500e-4)
_C1: Final = np.float32(1.3981999507e-3)
_C2: Final = np.float32(8.3334519073e-3)
_C3: Final = np.float32(4.1665795894e-2)
_C4: Final = np.float32(1.6666665459e-1)
_C5: Final = np.float32(5.0000001201e-1)
_ONE: Final = np.float32(1.0)
_HALF: Final = np.float32(0.5)


@loose_kernel
def exponential(x: np.float32) -> np.float32:
    """e^x for x in [-87, 88], e^-87 below and e^88 above; NaN of NaN."""
    t = _LOWEST if x < _LOWEST else x  # in this form a NaN passes
    t = _HIGHEST if t > _HIGHEST else t
    n = np.int32(t * _LOG2_E + np.float32(127.5)) - np.int32(
        127
    )  # rounds, as what is truncated is not negative
    k = np.float32(n)
    r = (t - k * _LN2_HIGH) - k * _LN2_LOW
    series = ((((_C0 * r + _C1) * r + _C2) * r + _C3) * r + _C4) * r + _C5
    scale = float_of_bits(np.int32((n + np.int32(127)) << np.int32(23)))
    return np.float32((series * r * r + r + _ONE) * scale)
