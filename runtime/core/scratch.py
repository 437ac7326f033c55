"""Scratch memory that is used again: it is still in cache, which fresh memory is not."""

from __future__ import annotations

import threading
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

_MOST_KEPT: Final = 1 << 28  # numbers


class ScratchBuffers(threading.local):
    """Arrays by name, each thread's own."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.float32]] = {}

    def floats(self, name: str, *shape: int) -> NDArray[np.float32]:
        """An array with any content, good until the thread asks for that name again. Large ones are not kept."""
        numbers = prod(shape)
        kept = self._kept.get(name)
        if kept is None or len(kept) < numbers:
            self._kept.pop(name, None)
            kept = np.empty(numbers, np.float32)
            if numbers <= _MOST_KEPT:
                self._kept[name] = kept
        return kept[:numbers].reshape(shape)
