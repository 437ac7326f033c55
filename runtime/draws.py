"""A request's own random numbers: the same for the same seed, whatever else the engine does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Draws(Protocol):
    """Where a row's noise and samples come from. A row asks in an order that depends on itself alone."""

    def noise(self, n: int) -> NDArray[np.int64]:
        """n random token ids, uniform over the vocabulary."""
        ...

    def uniforms(self, n: int) -> NDArray[np.float64]:
        """n numbers, uniform in [0, 1)."""
        ...


class SeededDraws:
    """Two Philox streams (Salmon et al. 2011), so that asking for one kind does not shift the other."""

    def __init__(self, seed: int, vocabulary_size: int) -> None:
        noise, uniforms = np.random.SeedSequence(seed).spawn(2)
        self._noise = np.random.Generator(np.random.Philox(noise))
        self._uniforms = np.random.Generator(np.random.Philox(uniforms))
        self._vocabulary_size = vocabulary_size

    def noise(self, n: int) -> NDArray[np.int64]:
        return self._noise.integers(0, self._vocabulary_size, n, dtype=np.int64)

    def uniforms(self, n: int) -> NDArray[np.float64]:
        return self._uniforms.random(n)
