"""Batch -> ragged tensors -> one forward pass -> logits where they are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from threading import Barrier
from typing import Final, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.backends.cpu.fused_model import FusedModel, fastest
from agentfast.runtime.backends.cpu.kernels.barrier import CAN_MEET
from agentfast.runtime.backends.cpu.row_kv import PanelAttention
from agentfast.runtime.backends.cpu.shards import (
    Cost,
    Leftovers,
    ShardPool,
    shards_of,
    single_threaded_operations,
)
from agentfast.runtime.backends.torch.attention import Context, RaggedAttention
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.request import Canvas, Row
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.scheduling.batch_layout import Span, spans_of
from agentfast.runtime.scheduling.scheduler import Batch, Work

R = TypeVar("R")

_LINES_AT_ONCE: Final = 32
"""Positions whose logits are worth a pass over a small model's embedding table."""

_LOGITS_AT_ONCE: Final = 1 << 18
"""As many are worth going through the decoder for, where there are more positions than that and a small vocabulary."""

_UNEVEN: Final = 1.1
"""Shards of which one costs more than so many times its fair share are not worth it: threads share tokens instead."""

_CANVASES_TO_SHARE: Final = 2
"""So many are worth another thread's help to decode."""


@dataclass(frozen=True, slots=True)
class Forward:
    """What a forward pass gave for a batch, or for a part of one.

    Attributes:
        logits: [N, V] float32, of the canvas positions of the works in their order.
        ahead: [R, V] float32, of the tokens that come next after the encode positions that the works read, in order.
        finite: per work of the batch, whether its hidden states were all finite numbers.
    """

    logits: Tensor
    ahead: Tensor
    finite: list[bool]


@dataclass(frozen=True, slots=True)
class _Part:
    """Consecutive works of a shard, where they lie in it, whether each is finite, and the shard's hidden states [T, H].

    Their logits are there already if the pass made them: those of their canvases, and those that they read.
    """

    works: tuple[Work, ...]
    spans: list[Span]
    hidden: Tensor
    finite: list[bool]
    logits: tuple[Tensor, Tensor] | None = None


class Runner:
    """Owns the model, the KV store and what is kept of it for rows that are being denoised."""

    def __init__(self, model: BlockDiffusionModel, config: EngineConfig) -> None:
        weight = model.embed_tokens.weight
        self.network = fastest(model)
        self._model = model
        self._config = config
        self.device = weight.device
        self._store = KVStore(model.config, config.num_blocks, config.block_size, weight.dtype, weight.device)
        self._contexts: dict[Row, Context] = {}
        self._in_shards = isinstance(self.network, FusedModel)
        self._most_shards = (config.threads or torch.get_num_threads()) if self._in_shards else 1
        self._cost = Cost(model.config)
        self._pool = ShardPool(self._most_shards)
        self._panels = PanelAttention(model, self._store) if isinstance(self.network, FusedModel) else None

    def prepare_thread(self) -> None:
        """Set up the thread that calls `run`; once, before the first call."""
        torch.set_flush_denormal(True)
        if self._in_shards:
            single_threaded_operations()
        elif self._config.threads is not None:
            torch.set_num_threads(self._config.threads)

    def run(self, batch: Batch, then: Callable[[Batch, Forward], R]) -> list[R]:
        """Run a batch; encoded keys and values are in the store afterwards.

        Args:
            then: called with each part of the batch whose logits were made by themselves, in the thread that made them.

        Returns:
            What `then` returned for each part, in any order.
        """
        shards = shards_of(batch.works, self._most_shards, self._cost, _UNEVEN if CAN_MEET else inf)
        # Where a row may read what another shard encodes in this very pass, each layer waits until all is written.
        together = len(shards) > 1 and any(work.follows for work in batch.works)
        barrier = Barrier(len(shards)) if together else None
        helpers = self._pool if len(shards) == 1 and self._most_shards > 1 else None
        results: list[R] = []
        leftovers = Leftovers[_Part](len(shards))

        @torch.inference_mode()
        def take(_: int) -> None:
            for part in leftovers:
                results.append(then(Batch(part.works), self._forward(part)))  # noqa: PERF401  (threads share it)

        @torch.inference_mode()
        def run_shard(works: tuple[Work, ...]) -> None:
            parts: list[_Part] = []
            try:
                parts = self._run_shard(works, barrier, helpers)
            finally:
                leftovers.leave(parts)
            takers = 1 if helpers is None else max(1, min(helpers.most, len(parts)))
            self._pool.map(take, range(takers))

        self._pool.map(run_shard, shards)
        return results

    def release(self, row: Row) -> None:
        """Forget what was kept for a row."""
        self._contexts.pop(row, None)
        if self._panels is not None:
            self._panels.release(row)

    def close(self) -> None:
        """End the threads."""
        self._pool.close()

    def _run_shard(
        self, works: tuple[Work, ...], barrier: Barrier | None, pool: ShardPool | None
    ) -> list[_Part]:
        """The forward pass but for the logits, which are made and read part by part."""
        encodes = sum(work.stop - work.start for work in works)
        spans = spans_of(works)
        try:
            hidden, logits = self._pass(works, spans, encodes, barrier, pool)
        except BaseException:
            if barrier is not None:
                barrier.abort()  # or the other shards would wait for ever
            raise
        finite = _finite(hidden, spans)
        if logits is None:
            return [_Part(works[group], spans[group], hidden, finite[group]) for group in self._groups(works)]
        shared = sum(work.canvas_tokens > 0 for work in works) >= _CANVASES_TO_SHARE
        groups = [slice(i, i + 1) for i in range(len(works))] if shared else [slice(0, len(works))]
        return [
            _Part(works[group], spans[group], hidden, finite[group], lines)
            for group, lines in zip(groups, _by_group(works, groups, logits), strict=True)
        ]

    def _pass(
        self,
        works: tuple[Work, ...],
        spans: list[Span],
        encodes: int,
        barrier: Barrier | None,
        pool: ShardPool | None,
    ) -> tuple[Tensor, Tensor | None]:
        """Hidden states [T, H], and the logits if there are threads that make them in the same go."""
        total = encodes + sum(work.canvas_tokens for work in works)
        denoise = torch.zeros(total, dtype=torch.bool, device=self.device)
        denoise[encodes:] = True
        encoding = [work for work in works if work.stop > work.start]
        denoising = [work for work in works if work.canvas_tokens]
        tokens = [np.array(work.row.tokens[work.start : work.stop], np.int64) for work in encoding]
        tokens += [_canvas(work).tokens for work in denoising]
        positions = [np.arange(work.start, work.stop) for work in encoding]
        positions += [np.arange(work.stop, work.stop + work.canvas_tokens) for work in denoising]
        mask = denoise if total > encodes else False
        soft, read = self._soft(denoising), self._read(works, spans, encodes, total)
        if isinstance(self.network, FusedModel):
            assert self._panels is not None
            return self.network(
                self._tensor(tokens),
                self._tensor(positions),
                self._panels,
                self._panels.rows(works, spans),
                denoise=mask,
                soft=soft,
                read=read,
                wait=None if barrier is None else barrier.wait,
                pool=pool,
                wanted=None if pool is None else _wanted(works, spans),
            )
        slots = [self._store.slots(work.row.blocks, work.start, work.stop) for work in encoding]
        contexts = [self._context(work) for work in works]
        attention = RaggedAttention(self._model.config, self._store, spans, contexts, self._tensor(slots))
        hidden: Tensor = self.network(
            self._tensor(tokens), self._tensor(positions), attention, denoise=mask, soft=soft, read=read
        )
        return hidden, None

    def _forward(self, part: _Part) -> Forward:
        """The logits of a part."""
        lines = part.logits
        if lines is None:
            logits = self.network.logits(part.hidden[_wanted(part.works, part.spans)])
            [lines] = _by_group(part.works, [slice(0, len(part.works))], logits)
        return Forward(*lines, part.finite)

    def _read(self, works: tuple[Work, ...], spans: list[Span], encodes: int, total: int) -> Tensor | None:
        """The places whose hidden states are read, [R]; None: all."""
        if sum(work.reads for work in works) == encodes:
            return None
        encoded = np.array(_read_positions(works, spans), dtype=np.int64)
        return self._tensor([encoded, np.arange(encodes, total)])

    def _groups(self, works: tuple[Work, ...]) -> list[slice]:
        """Works whose logits are made and read together; a small model's few at a time, while they are near."""
        groups: list[slice] = []
        enough = max(_LINES_AT_ONCE, _LOGITS_AT_ONCE // self._model.config.vocab_size)
        start = lines = 0
        for stop, work in enumerate(works, 1):
            lines += work.canvas_tokens + work.reads
            if stop == len(works) or (self._in_shards and lines >= enough):
                groups.append(slice(start, stop))
                start, lines = stop, 0
        return groups

    def _context(self, work: Work) -> Context:
        context = self._contexts.get(work.row)
        # A committed canvas may be found in the cache, and the prefix be longer with nothing to encode.
        if context is None or work.stop > work.start or len(context.slots) != work.stop:
            slots = self._tensor([self._store.slots(work.row.blocks, 0, work.stop)])
            context = Context(slots, [None] * len(self._model.config.layers))
            self._contexts.pop(work.row, None)  # it may be that of a shorter prefix
            if work.canvas_tokens:
                self._contexts[work.row] = context
        return context

    def _soft(self, works: Sequence[Work]) -> Tensor | None:
        """Self-conditioning [N, H] of the batch's canvas tokens; zeros where a canvas had no step yet."""
        parts: list[Tensor] = []
        weight = self._model.embed_tokens.weight
        for work in works:
            soft = _canvas(work).soft
            parts.append(weight.new_zeros(work.canvas_tokens, weight.shape[1]) if soft is None else soft)
        return torch.cat(parts) if parts else None

    def _tensor(self, parts: list[NDArray[np.int64]]) -> Tensor:
        joined = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        return torch.from_numpy(joined).to(self.device)


def _canvas(work: Work) -> Canvas:
    assert work.row.canvas is not None
    return work.row.canvas


def _read_positions(works: tuple[Work, ...], spans: list[Span]) -> list[int]:
    pairs = zip(works, spans, strict=True)
    return [at for work, span in pairs for at in range(span.encode.stop - work.reads, span.encode.stop)]


def _wanted(works: tuple[Work, ...], spans: list[Span]) -> NDArray[np.int64]:
    """The places whose logits are wanted: those of the canvases, then those that are read."""
    canvases = np.arange(spans[0].canvas.start, spans[-1].canvas.stop)
    return np.concatenate((canvases, np.array(_read_positions(works, spans), np.int64)))


def _by_group(
    works: tuple[Work, ...], groups: Sequence[slice], logits: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Consecutive groups' shares of logits in the order of `_wanted`: those of their canvases, and those that they read."""
    canvas, read = 0, sum(work.canvas_tokens for work in works)
    shares: list[tuple[Tensor, Tensor]] = []
    for group in groups:
        canvases = sum(work.canvas_tokens for work in works[group])
        reads = sum(work.reads for work in works[group])
        shares.append((logits[canvas : canvas + canvases], logits[read : read + reads]))
        canvas, read = canvas + canvases, read + reads
    return shares


def _finite(hidden: Tensor, spans: list[Span]) -> list[bool]:
    """Whether each span's hidden states are finite; one check for all in the usual case."""
    if isfinite(hidden.sum().item()):
        return [True] * len(spans)
    flags = cast(list[bool], torch.isfinite(hidden.sum(dim=-1)).tolist())
    return [all(flags[span.encode]) and all(flags[span.canvas]) for span in spans]
