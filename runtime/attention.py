"""Attention of a ragged batch: encode rows causal over the cache, canvases bidirectional over it and themselves.

Rows are attended one at a time. On a CPU that beats a padded batch, since nothing is padded; kernels do it there, see
panel_attention.py. Rows that encode a token or a few, as autoregressive ones do, are the exception: see few_tokens.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Barrier
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from agentfast.runtime.few_tokens import attend_few, most_tokens
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.panel_attention import PanelRows
from agentfast.runtime.room import Room
from agentfast.runtime.spans import Span


class Rows(Protocol):
    """Rows that are attended one at a time."""

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]; k, v [T, Hkv, D], of which canvases read their own."""
        ...


class RaggedAttention:
    """The `Attention` of one forward pass. The batch's encode tokens come first, all canvases after them."""

    def __init__(
        self,
        config: ModelConfig,
        store: KVStore,
        spans: list[Span],
        write_slots: Tensor,
        bounded: Sequence[bool],
        barrier: Barrier | None,
        room: Room | None,
    ) -> None:
        """
        Args:
            write_slots: [E], where the keys and values of the batch's E encode tokens go.
            bounded: per layer, whether no score is beyond MOST_SCORE (see panel_kernels.py).
            barrier: where the shards of a batch meet in each layer once all have written; None for a batch in one.
            room: where results go, each good until the next layer's; None: fresh memory.
        """
        self._config = config
        self._store = store
        self._write_slots = write_slots
        self._barrier = barrier
        self._room = room
        few = [span for span in spans if not span.denoises and 0 < span.encodes <= most_tokens(store)]
        self._few = attend_few(few, store)
        rest = [span for span in spans if span not in few]
        in_panels = config.small and store.on_plain_cpu
        self._rows: Rows = PanelRows(rest, store, bounded) if in_panels else GatheredRows(rest, store)

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        encoded = self._write_slots.shape[0]
        if encoded:
            self._store.write(layer, self._write_slots, k[:encoded], v[:encoded])
        if self._barrier is not None:
            self._barrier.wait()
        out = (
            torch.empty_like(q)
            if self._room is None
            else torch.from_numpy(self._room.floats("attended", *q.shape))
        )
        window = self._config.attention(layer).window
        self._rows.attend(layer, q, k, v, out, window)
        if self._few is not None:
            self._few.attend(layer, q, out, window)
        return out


class GatheredRows:
    """Rows whose keys and values are gathered from the store, each attended in a call of its own."""

    def __init__(self, spans: Sequence[Span], store: KVStore) -> None:
        self._spans = spans
        self._store = store
        self._masks: dict[tuple[int, int, int | None], Tensor | None] = {}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`."""
        for span in self._spans:
            keys, values = self._gather(layer, span)
            if span.encodes:
                out[span.encode] = self._encode(span, q[span.encode], keys, values, window)
            if span.denoises:
                keys[span.prefix :] = k[span.canvas]
                values[span.prefix :] = v[span.canvas]
                first = span.first_seen(window)
                out[span.canvas] = _attend(q[span.canvas], keys[first:], values[first:], None)

    def _gather(self, layer: int, span: Span) -> tuple[Tensor, Tensor]:
        kept = span.context.layers[layer]
        total = span.prefix + span.denoises
        if kept is not None:
            return kept[0][:total], kept[1][:total]  # a canvas may have shrunk
        source_k, source_v = self._store.keys[layer], self._store.values[layer]
        keys = source_k.new_empty((total, *source_k.shape[1:]))
        values = source_v.new_empty((total, *source_v.shape[1:]))
        torch.index_select(source_k, 0, span.context.slots, out=keys[: span.prefix])
        torch.index_select(source_v, 0, span.context.slots, out=values[: span.prefix])
        if span.denoises:
            span.context.layers[layer] = (keys, values)
        return keys, values

    def _encode(self, span: Span, q: Tensor, keys: Tensor, values: Tensor, window: int | None) -> Tensor:
        first = 0 if window is None else max(0, span.start - (window - 1))
        keys, values = keys[first : span.prefix], values[first : span.prefix]
        if span.start == 0 and (window is None or span.prefix <= window):
            return _attend(q, keys, values, None, causal=True)
        key = (span.start - first, span.prefix - first, window)
        if key not in self._masks:
            self._masks[key] = causal_mask(*key, device=q.device)
        return _attend(q, keys, values, self._masks[key])


def causal_mask(start: int, stop: int, window: int | None, *, device: torch.device) -> Tensor | None:
    """Who sees whom when tokens [start, stop) attend over [0, stop): [stop - start, stop] bool, None if all see all.

    A token sees itself and what came before, with a window only the last `window` tokens, itself included.
    """
    if stop - start == 1 and (window is None or stop <= window):
        return None
    query = torch.arange(start, stop, device=device)[:, None]
    key = torch.arange(stop, device=device)[None]
    mask = key <= query
    return mask if window is None else mask & (key > query - window)


def _attend(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, *, causal: bool = False) -> Tensor:
    """q [N, Hq, D] over keys, values [M, Hkv, D] -> [N, Hq, D]. Scores are not scaled: QK-norm did it."""
    return F.scaled_dot_product_attention(
        q.transpose(0, 1)[None],
        keys.transpose(0, 1)[None],
        values.transpose(0, 1)[None],
        attn_mask=mask,
        is_causal=causal,
        scale=1.0,
        enable_gqa=True,
    )[0].transpose(0, 1)
