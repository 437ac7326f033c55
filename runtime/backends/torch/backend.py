"""The forward pass in torch operations: any device, any dtype, models of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from agentfast.runtime.backends.base import Forward
from agentfast.runtime.backends.ragged import (
    finite_rows,
    on_device,
    ragged_batch,
    split_logits,
    wanted_positions,
)
from agentfast.runtime.backends.torch.attention import Context, RaggedAttention
from agentfast.runtime.backends.torch.short_rows import ShortRows
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.posterior.base import Posterior
from agentfast.runtime.scheduling.batch import Batch, ScheduledRow
from agentfast.runtime.scheduling.row import Row

R = TypeVar("R")


class TorchBackend:
    """Owns the model and the gathered prefixes of rows that are being denoised."""

    def __init__(
        self,
        model: BlockDiffusionModel,
        config: EngineConfig,
        posterior: Posterior,
        store: KVStore,
        short_rows: type[ShortRows],
    ) -> None:
        """short_rows: attention of rows that encode a token or a few."""
        weight = model.embed_tokens.weight
        self.posterior = posterior
        self._model = model
        self._threads = config.threads
        self._short_rows = short_rows
        self._embeddings = weight.detach()
        self._store = store
        self._contexts: dict[Row, Context] = {}

    def prepare_thread(self) -> None:
        torch.set_flush_denormal(True)
        if self._threads is not None:
            torch.set_num_threads(self._threads)

    def forward(self, batch: Batch) -> TorchForwardPass:
        return TorchForwardPass(self, batch)

    @torch.inference_mode()
    def run(self, batch: Batch) -> Forward:
        """Hidden states of the whole batch, and its logits."""
        ragged = ragged_batch(batch.rows, self._embeddings)
        encoding = [part for part in batch.rows if part.stop > part.start]
        slots = [self._store.slots(part.row.blocks, part.start, part.stop) for part in encoding]
        attention = RaggedAttention(
            self._model.config,
            self._store,
            ragged.spans,
            [self._context(part) for part in batch.rows],
            on_device(slots, self._embeddings.device),
            self._short_rows,
        )
        hidden: Tensor = self._model(
            ragged.tokens,
            ragged.positions,
            attention,
            denoise=ragged.denoise,
            soft=ragged.soft,
            read=ragged.read,
        )
        finite = finite_rows(hidden, ragged.spans)
        logits = self._model.logits(hidden[wanted_positions(batch.rows, ragged.spans)])
        [(canvases, following)] = split_logits(batch.rows, [slice(0, len(batch.rows))], logits)
        return Forward(canvases, following, finite)

    def soft_embeddings(self, marginals: Sequence[Tensor]) -> Tensor:
        return self._model.soft_embeddings(
            marginals[0] if len(marginals) == 1 else torch.cat(tuple(marginals))
        )

    def release(self, row: Row) -> None:
        self._contexts.pop(row, None)

    def close(self) -> None:
        """Nothing to end: torch's threads are the process's."""

    def _context(self, part: ScheduledRow) -> Context:
        context = self._contexts.get(part.row)
        # A committed canvas may be found in the cache, and the prefix be longer with nothing to encode.
        if context is None or part.stop > part.start or len(context.slots) != part.stop:
            slots = on_device([self._store.slots(part.row.blocks, 0, part.stop)], self._embeddings.device)
            context = Context(slots, [None] * len(self._model.config.layers))
            self._contexts.pop(part.row, None)  # it may be that of a shorter prefix
            if part.canvas_tokens:
                self._contexts[part.row] = context
        return context


class TorchForwardPass:
    """A pass of the whole batch in one part."""

    def __init__(self, backend: TorchBackend, batch: Batch) -> None:
        self._batch = batch
        self._forward = backend.run(batch)

    def map(self, function: Callable[[Batch, Forward], R]) -> list[R]:
        return [function(self._batch, self._forward)]
