"""A backend for the first minute on a machine: torch's operations until the fused kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from agentfast.runtime.backends.base import Backend, ForwardPass
from agentfast.runtime.core.log import get_logger
from agentfast.runtime.posterior.base import Posterior
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.row import Row

_log = get_logger("backend")


class StandInBackend:
    """Two backends of one model over one KV store: `slow` works until `ready()`, then `fast` does.

    They take turns between forward passes. A row's settled keys and values are in the store, from which the fast backend
    takes what it needs; logits differ by rounding.
    """

    def __init__(self, slow: Backend, fast: Backend, ready: Callable[[], bool]) -> None:
        self._slow: Backend | None = slow
        self._fast = fast
        self._ready = ready

    @property
    def posterior(self) -> Posterior:
        return self._fast.posterior

    def prepare_thread(self) -> None:
        self._fast.prepare_thread()

    def forward(self, batch: Batch) -> ForwardPass:
        if self._slow is not None and self._ready():
            self._slow.close()
            self._slow = None
            _log.info("kernels are compiled; forward passes are fused from now on")
        return self._current().forward(batch)

    def soft_embeddings(self, marginals: Sequence[Tensor]) -> Tensor:
        return self._current().soft_embeddings(marginals)

    def release(self, row: Row) -> None:
        if self._slow is not None:
            self._slow.release(row)
        self._fast.release(row)

    def close(self) -> None:
        if self._slow is not None:
            self._slow.close()
        self._fast.close()

    def _current(self) -> Backend:
        return self._fast if self._slow is None else self._slow
