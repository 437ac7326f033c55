"""A request's own random numbers: the same for the same seed, whatever else the engine does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

N = TypeVar("N", np.int64, np.float64)

_AT_ONCE: Final = 256
"""Numbers asked of a generator at once: a call takes as long as about as many of them."""


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
        self._seed = seed
        self._vocabulary_size = vocabulary_size

    def noise(self, n: int) -> NDArray[np.int64]:
        return self._noise.take(n)

    def uniforms(self, n: int) -> NDArray[np.float64]:
        return self._uniforms.take(n)

    # Each is made when it is first asked: a model that decodes token by token needs no noise, temperature 0 no samples.
    @cached_property
    def _noise(self) -> _Stream[np.int64]:
        generator, size = self._generator(0), self._vocabulary_size
        return _Stream(lambda n: generator.integers(0, size, n, dtype=np.int64))

    @cached_property
    def _uniforms(self) -> _Stream[np.float64]:
        return _Stream(self._generator(1).random)

    def _generator(self, stream: int) -> np.random.Generator:
        keys = np.random.SeedSequence(self._seed).generate_state(4, np.uint64).reshape(2, 2)
        return np.random.Generator(np.random.Philox(key=keys[stream]))


class _Stream(Generic[N]):
    """What a generator gives, handed out in pieces; it is the same however it is cut."""

    def __init__(self, draw: Callable[[int], NDArray[N]]) -> None:
        self._draw: Callable[[int], NDArray[N]] = draw
        self._kept: NDArray[N] = draw(0)

    def take(self, n: int) -> NDArray[N]:
        if len(self._kept) < n:
            self._kept = np.concatenate((self._kept, self._draw(max(n, _AT_ONCE))))
        taken: NDArray[N] = self._kept[:n]
        self._kept = self._kept[n:]
        return taken
