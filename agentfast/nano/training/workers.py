"""The processes that train one model together, each on its share of every batch."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
from torch import distributed, nn


@dataclass(frozen=True, slots=True)
class Workers:
    """This process is number `rank` of `count`."""

    rank: int = 0
    count: int = 1

    @classmethod
    def join(cls) -> Workers:
        """Meet the others that `torchrun` started; without it, work alone."""
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return cls()
        distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        return cls(distributed.get_rank(), distributed.get_world_size())

    def wait(self) -> None:
        """Wait until all workers are here."""
        if self.count > 1:
            distributed.barrier()

    def average_gradients(self, model: nn.Module) -> None:
        """Replace every gradient by its mean over the processes. An expert that no token chose here has none yet."""
        if self.count == 1:
            return
        parameters = list(model.parameters())
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        joined = torch.cat([p.grad.flatten() for p in parameters if p.grad is not None])
        distributed.all_reduce(joined)
        joined /= self.count
        for parameter, grad in zip(
            parameters, torch.split_with_sizes(joined, [p.numel() for p in parameters]), strict=True
        ):
            parameter.grad = grad.view_as(parameter)
