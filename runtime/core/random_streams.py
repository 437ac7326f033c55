"""A request's random streams: the same numbers for the same seed, whatever else is in the batch."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.philox import uniforms

_NOISE, _UNIFORMS = range(2)  # streams
_SEEDS: Final = 1 << 64


class RandomStreams(Protocol):
    """Source of a row's noise and samples. A row asks in an order that depends on itself alone."""

    def noise(self, n: int) -> NDArray[np.int64]:
        """n random token ids, uniform over the vocabulary."""
        ...

    def uniforms(self, n: int) -> NDArray[np.float64]:
        """n numbers, uniform in [0, 1)."""
        ...


class PhiloxStreams:
    """Two Philox streams of one seed (modulo 2^64), so that drawing noise does not shift the samples, nor the reverse."""

    def __init__(self, seed: int, vocabulary_size: int) -> None:
        self._key = np.uint64(seed % _SEEDS)
        self._vocabulary_size = vocabulary_size
        self._drawn = [0, 0]

    def noise(self, n: int) -> NDArray[np.int64]:
        return (self._take(_NOISE, n) * self._vocabulary_size).astype(np.int64)

    def uniforms(self, n: int) -> NDArray[np.float64]:
        return self._take(_UNIFORMS, n)

    def _take(self, stream: int, n: int) -> NDArray[np.float64]:
        first = self._drawn[stream]
        self._drawn[stream] = first + n
        return uniforms(self._key, stream, first, n)
