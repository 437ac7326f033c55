"""The CPU backend: the fused forward pass of a small model, in shards that run side by side.

A batch is cut into shards of about equal cost, one for each thread; a batch that is too small or too uneven for that is
one shard whose tokens threads share. Logits and decoding follow part by part, each part by whichever thread is free.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from threading import Barrier
from typing import Final, TypeVar

import torch
from torch import Tensor

from agentfast.runtime.backends.base import Forward
from agentfast.runtime.backends.cpu.fused_model import FusedModel
from agentfast.runtime.backends.cpu.kernels.barrier import CAN_SPIN
from agentfast.runtime.backends.cpu.row_kv import RowKV
from agentfast.runtime.backends.cpu.shards import Cost, shards_of
from agentfast.runtime.backends.cpu.threads import PartQueue, ShardPool, single_threaded_operations
from agentfast.runtime.backends.ragged import finite_rows, ragged_batch, split_logits, wanted_positions
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.posterior.base import Posterior
from agentfast.runtime.scheduling.batch import Batch, ScheduledRow
from agentfast.runtime.scheduling.batch_layout import Span
from agentfast.runtime.scheduling.row import Row

R = TypeVar("R")

_LINES_AT_ONCE: Final = 32
"""Minimum rows per logits matmul: fewer positions are not worth a pass over the embedding table."""

_LOGITS_AT_ONCE: Final = 1 << 18
"""Logits that are worth a pass through the decoder, where a small vocabulary has more positions than that."""

_UNEVEN: Final = 1.1
"""Shards of which one costs more than so many times its fair share are not worth it: threads share tokens instead."""

_CANVASES_TO_SHARE: Final = 2
"""So many canvases are worth another thread's help to decode."""


class CpuBackend:
    """Owns the fused model, the tiled keys and values of rows, and the threads."""

    def __init__(
        self, model: BlockDiffusionModel, config: EngineConfig, posterior: Posterior, store: KVStore
    ) -> None:
        weight = model.embed_tokens.weight
        self.posterior = posterior
        self._embeddings = weight.detach()
        self._model = FusedModel(model)
        self._panels = RowKV(model, store)
        self._most_shards = config.threads or torch.get_num_threads()
        self._cost = Cost(model.config)
        self._pool = ShardPool(self._most_shards)

    def prepare_thread(self) -> None:
        torch.set_flush_denormal(True)
        single_threaded_operations()

    def forward(self, batch: Batch) -> CpuForwardPass:
        shards = shards_of(batch.rows, self._most_shards, self._cost, _UNEVEN if CAN_SPIN else inf)
        return CpuForwardPass(self, shards, self._pool)

    def run_shard(
        self, rows: tuple[ScheduledRow, ...], barrier: Barrier | None, pool: ShardPool | None
    ) -> list[ShardPart]:
        """The forward pass of a shard up to its hidden states, cut into parts.

        Args:
            barrier: of the shards that read what another one encodes; each layer waits there.
            pool: threads that share the shard's tokens; logits are made in the same go.
        """
        ragged = ragged_batch(rows, self._embeddings)
        try:
            hidden, logits = self._model(
                ragged.tokens,
                ragged.positions,
                self._panels,
                self._panels.rows(rows, ragged.spans),
                denoise=ragged.denoise,
                soft=ragged.soft,
                read=ragged.read,
                wait=None if barrier is None else barrier.wait,
                pool=pool,
                wanted=None if pool is None else wanted_positions(rows, ragged.spans),
            )
        except BaseException:
            if barrier is not None:
                barrier.abort()  # or the other shards would wait for ever
            raise
        spans, finite = ragged.spans, finite_rows(hidden, ragged.spans)
        if logits is None:
            return [
                ShardPart(rows[group], spans[group], hidden, finite[group]) for group in self._groups(rows)
            ]
        shared = sum(row.canvas_tokens > 0 for row in rows) >= _CANVASES_TO_SHARE
        groups = [slice(i, i + 1) for i in range(len(rows))] if shared else [slice(0, len(rows))]
        return [
            ShardPart(rows[group], spans[group], hidden, finite[group], lines)
            for group, lines in zip(groups, split_logits(rows, groups, logits), strict=True)
        ]

    def logits(self, part: ShardPart) -> Forward:
        """The logits of a part."""
        lines = part.logits
        if lines is None:
            logits = self._model.logits(part.hidden[wanted_positions(part.rows, part.spans)])
            [lines] = split_logits(part.rows, [slice(0, len(part.rows))], logits)
        return Forward(*lines, part.finite)

    def soft_embeddings(self, marginals: Sequence[Tensor]) -> Tensor:
        softs = [self._model.soft_embeddings(lines) for lines in marginals]
        return torch.cat(softs) if len(softs) > 1 else softs[0]

    def release(self, row: Row) -> None:
        self._panels.release(row)

    def close(self) -> None:
        self._pool.close()

    def _groups(self, rows: tuple[ScheduledRow, ...]) -> list[slice]:
        """Rows whose logits are made and decoded together: a few at a time, while they are in cache."""
        groups: list[slice] = []
        enough = max(_LINES_AT_ONCE, _LOGITS_AT_ONCE // len(self._embeddings))
        start = lines = 0
        for stop, row in enumerate(rows, 1):
            lines += row.canvas_tokens + row.logit_positions
            if stop == len(rows) or lines >= enough:
                groups.append(slice(start, stop))
                start, lines = stop, 0
        return groups


@dataclass(frozen=True, slots=True)
class ShardPart:
    """Consecutive rows of a shard.

    Attributes:
        spans: the rows' places in the shard.
        hidden: [T, H] hidden states of the whole shard.
        finite: whether each row's hidden states are finite.
        logits: those of the rows' canvases, and of their next tokens, if the pass has made them; None: not yet.
    """

    rows: tuple[ScheduledRow, ...]
    spans: list[Span]
    hidden: Tensor
    finite: list[bool]
    logits: tuple[Tensor, Tensor] | None = None


class CpuForwardPass:
    """A pass in shards. `map` runs them: a thread that has run its shard takes parts of any, with the function."""

    def __init__(self, backend: CpuBackend, shards: list[tuple[ScheduledRow, ...]], pool: ShardPool) -> None:
        self._backend = backend
        self._shards = shards
        self._pool = pool
        # Where a row may read what another shard encodes in this very pass, each layer waits until all is written.
        together = len(shards) > 1 and any(row.reads_in_flight for shard in shards for row in shard)
        self._barrier = Barrier(len(shards)) if together else None
        self._helpers = pool if len(shards) == 1 and pool.most > 1 else None

    def map(self, function: Callable[[Batch, Forward], R]) -> list[R]:
        results: list[R] = []
        queue = PartQueue[ShardPart](len(self._shards))

        @torch.inference_mode()
        def take(_: int) -> None:
            for part in queue:
                results.append(function(Batch(part.rows), self._backend.logits(part)))  # noqa: PERF401  (threads share it)

        @torch.inference_mode()
        def run_shard(rows: tuple[ScheduledRow, ...]) -> None:
            parts: list[ShardPart] = []
            try:
                parts = self._backend.run_shard(rows, self._barrier, self._helpers)
            finally:
                queue.put(parts)
            takers = 1 if self._helpers is None else max(1, min(self._helpers.most, len(parts)))
            self._pool.map(take, range(takers))

        self._pool.map(run_shard, self._shards)
        return results
