"""The interface of a backend: everything that depends on the device a model runs on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from torch import Tensor

from agentfast.runtime.posterior.base import Posterior
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.row import Row

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Forward:
    """Results of a forward pass for a batch, or for a part of one.

    Attributes:
        logits: [N, V] float32, of the canvas positions of the rows in their order.
        next_logits: [R, V] float32, of the tokens after the encode positions whose logits the rows want, in order.
        finite: per row of the batch, whether its hidden states were all finite numbers.
    """

    logits: Tensor
    next_logits: Tensor
    finite: list[bool]


class ForwardPass(Protocol):
    """A forward pass whose logits are made part by part, so that no batch's logits lie in memory all at once."""

    def map(self, function: Callable[[Batch, Forward], R]) -> list[R]:
        """Call a function on each part of the batch, to be done once. Parts may be taken by several threads at a time.

        A part's logits are good until the function returns. Encoded keys and values are in the store afterwards.

        Returns:
            The function's results, in any order.
        """
        ...


class Backend(Protocol):
    """A model on a device: its forward pass, KV store, per-row memory, threads, and the posterior of its logits."""

    @property
    def posterior(self) -> Posterior:
        """The posterior of canvases whose logits lie on the device."""
        ...

    def prepare_thread(self) -> None:
        """Set up the thread that runs forward passes; once, before the first."""
        ...

    def forward(self, batch: Batch) -> ForwardPass:
        """Begin the forward pass of a batch."""
        ...

    def soft_embeddings(self, marginals: Sequence[Tensor]) -> Tensor:
        """Mean embeddings [N, H] under token distributions [N, V], given in parts: the next step's self-conditioning."""
        ...

    def release(self, row: Row) -> None:
        """Free a row's memory; unknown rows are ignored."""
        ...

    def close(self) -> None:
        """End the threads."""
        ...
