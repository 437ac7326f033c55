"""Agreement of tensor-parallel ranks: all of them sample, and all must come to the same tokens.

The ranks have the same logits, but sums on a GPU may differ in the last bit from run to run, and threads that compile
grammars end when they end. So the first rank's word on tokens and states is everyone's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

Longs = NDArray[np.int64]

READY: Final = 1
FAILED: Final = 1 << 20
"""More than there are ranks, so that a sum says whether one of them has failed."""


class Agreement:
    """Collective calls of the ranks; with one rank they cost nothing.

    Args:
        group: vLLM's tensor-parallel group; None: there is one rank.
    """

    def __init__(self, group: Any, device: torch.device) -> None:
        self._group = group
        self._device = device
        self._ranks: int = 1 if group is None else group.world_size

    def compiled(self, flags: Sequence[int]) -> list[int]:
        """READY for the rows whose grammar all ranks have, FAILED where one rank failed to make it, otherwise 0.

        Args:
            flags: this rank's, for the same rows on each rank.
        """
        if self._ranks == 1 or not flags:
            return list(flags)
        # float32, as vLLM's own reduction on GPUs knows no integers
        total = self._group.all_reduce(torch.tensor(flags, dtype=torch.float32, device=self._device))
        sums: list[float] = total.tolist()
        return [FAILED if n >= FAILED else READY if n == self._ranks else 0 for n in sums]

    def first(self, numbers: Longs) -> Longs:
        """The first rank's numbers; their count is the same on all ranks."""
        if self._ranks == 1 or not len(numbers):
            return numbers
        agreed: torch.Tensor = self._group.broadcast(torch.from_numpy(numbers).to(self._device), src=0)
        return agreed.cpu().numpy()

    def sum(self, part: torch.Tensor, *, failed: bool = False) -> torch.Tensor | None:
        """The sum of all ranks' parts; None if one of them failed, whose part does not matter then."""
        if self._ranks == 1:
            return None if failed else part
        said = torch.tensor([float(failed)], device=part.device)
        total: torch.Tensor = self._group.all_reduce(torch.cat([part.flatten().float(), said]))
        return None if float(total[-1]) else total[:-1].view(part.shape)

    def has_failed(self, failed: bool) -> bool:
        """True if a rank says so."""
        return self.sum(torch.zeros(0, device=self._device), failed=failed) is None
