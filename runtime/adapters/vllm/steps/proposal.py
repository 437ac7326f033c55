"""Canvases between their denoising and their commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A denoising step's proposal for a canvas.

    Attributes:
        tokens: [C], the canvas's next tokens.
        best: [C], the joint arg-max.
        length: tokens of it up to its end token, all if there is none.
        end_state: the grammar's state after all of it.
        settles: the best tokens are going to be committed.
    """

    tokens: Longs
    best: Longs
    length: int
    end_state: int
    settles: bool = False

    def packed(self) -> Longs:
        """[3 + 2 C] the same as numbers."""
        return np.concatenate([[self.length, self.end_state, self.settles], self.tokens, self.best])

    @classmethod
    def unpacked(cls, numbers: Longs) -> Self:
        """The proposal that `packed` made these numbers of."""
        length, end_state, settles = numbers[:3].tolist()
        tokens, best = np.split(numbers[3:], 2)
        return cls(tokens, best, length, end_state, bool(settles))


@dataclass(slots=True)
class Settled:
    """A canvas that is going to be committed.

    Attributes:
        tokens: [C], the joint arg-max.
        length: tokens of it up to its end token, all if there is none.
        end_state: the grammar's after all of them.
        log_p: [length] log probability of each given those before it; None where nobody asked.
    """

    tokens: Longs
    length: int
    end_state: int
    log_p: NDArray[np.float64] | None = None
