"""Where each row of a ragged batch is, and what it reads of the cache."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


@dataclass(slots=True, eq=False)
class Context:
    """What a row reads of the cache; kept while a canvas is denoised, since it does not change.

    Attributes:
        slots: [P], where the row's positions are.
        layers: keys and values of each layer: the prefix, then room for the canvas; None until the layer gathers them.
            [P + C, Hkv, D], or in panels (see panel_attention.py).
        addresses: [L, 2] int64, where each layer's panels of keys and values are in memory, once they are.
        capacity: positions that panels have room for, see `make_room`; a canvas may shrink meanwhile.
        prefix: P, the positions in the cache.
    """

    slots: Tensor
    layers: list[tuple[Tensor, Tensor] | None]
    capacity: int = 0
    prefix: int = field(init=False)
    addresses: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self.prefix = len(self.slots)
        self.addresses = np.zeros((len(self.layers), 2), np.int64)

    def make_room(self, positions: int) -> None:
        """Let panels have room for so many positions at least; smaller ones are forgotten."""
        if self.capacity < positions:
            self.capacity = positions
            self.layers[:] = [None] * len(self.layers)


@dataclass(slots=True, eq=False)
class Span:
    """A row's part of a ragged batch.

    Attributes:
        encode: its encode tokens, a slice of the batch's tokens; they are positions [start, prefix).
        canvas: its canvas tokens, a slice of the batch's tokens; empty if there is none.
        start: position of the first encode token.
        context: what it reads of the cache.
    """

    encode: slice
    canvas: slice
    start: int
    context: Context

    @property
    def prefix(self) -> int:
        """Positions in the cache once the encode tokens are written."""
        return self.context.prefix

    @property
    def encodes(self) -> int:
        return _length(self.encode)

    @property
    def denoises(self) -> int:
        return _length(self.canvas)

    def first_seen(self, window: int | None) -> int:
        """The first position that the canvas sees: itself whole, and before it the last `window` - 1 positions."""
        return 0 if window is None else max(0, self.prefix - (window - 1))


def lines_of(part: slice) -> NDArray[np.int64]:
    """The lines of a slice, [N]."""
    start: int = part.start
    stop: int = part.stop
    return np.arange(start, stop, dtype=np.int64)


def _length(part: slice) -> int:
    length: int = part.stop - part.start
    return length
