"""Chunks of the vocabulary in order of classes, each small enough for the nearest cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.arrays import by_group
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]

CHUNK: Final = 1024
"""Tokens in a chunk, at most."""


@dataclass(frozen=True, eq=False)
class ClassChunks:
    """P pieces of at most CHUNK tokens of one class each, and chunks of neighbouring pieces.

    Attributes:
        token_order: [V] int32, token ids by class, rising inside a class.
        start: [P + 1] int32, where each piece begins in `token_order`.
        class_of: [P] int32, the class of each piece, rising.
        of_class: [K + 1] int32, where each class's pieces begin.
        chunk: where each chunk's pieces begin, and P at the end.
    """

    token_order: Ints
    start: Ints
    class_of: Ints
    of_class: Ints
    chunk: Ints

    @property
    def count(self) -> int:
        """Number of pieces, P."""
        return len(self.class_of)


def class_chunks_of(token_class: Ints, count: int) -> ClassChunks:
    """Sort [V] tokens by class 0..count-1 and cut them."""
    return ClassChunks(*_cut(token_class, count))


@kernel
def _cut(token_class: Ints, count: int) -> tuple[Ints, Ints, Ints, Ints, Ints]:
    class_start, order = by_group(token_class, count)
    room = len(token_class) // CHUNK + count + 1
    start = np.zeros(room + 1, np.int32)
    class_of = np.empty(room, np.int32)
    of_class = np.zeros(count + 1, np.int32)
    chunk = np.zeros(room + 1, np.int32)
    pieces = 0
    chunks = 0
    for k in range(count):
        for low in range(class_start[k], class_start[k + 1], CHUNK):
            high = min(low + CHUNK, class_start[k + 1])
            if high - start[chunk[chunks]] > CHUNK:
                chunks += 1
                chunk[chunks] = pieces
            class_of[pieces] = k
            pieces += 1
            start[pieces] = high
        of_class[k + 1] = pieces
    if pieces > chunk[chunks]:
        chunks += 1
        chunk[chunks] = pieces
    return order, start[: pieces + 1].copy(), class_of[:pieces].copy(), of_class, chunk[: chunks + 1].copy()
