"""Attention of a ragged batch: encode rows causal over the cache, canvases bidirectional over it and themselves.

Rows are attended one at a time, but for those that encode a token or a few, as autoregressive ones do: see
short_rows.py. A small model on a CPU has kernels for it instead: see backends/cpu.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from agentfast.runtime.backends.torch.short_rows import ShortRow, ShortRows
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.scheduling.batch_layout import Span


@dataclass(slots=True, eq=False)
class Context:
    """The prefix that a row attends to; kept while a canvas is denoised, since it does not change.

    Attributes:
        slots: [P], where the row's positions are.
        layers: keys and values of each layer, [P + C, Hkv, D]: the prefix, then room for the canvas; None until the
            layer gathers them.
    """

    slots: Tensor
    layers: list[tuple[Tensor, Tensor] | None]


class RaggedAttention:
    """The `Attention` of one forward pass. The batch's encode tokens come first, all canvases after them."""

    def __init__(
        self,
        config: ModelConfig,
        store: KVStore,
        spans: Sequence[Span],
        contexts: Sequence[Context],
        write_slots: Tensor,
        short_rows: type[ShortRows],
    ) -> None:
        """
        Args:
            contexts: of the spans' rows.
            write_slots: [E], where the keys and values of the batch's E encode tokens go.
            short_rows: attention of the rows that encode few tokens.
        """
        self._config = config
        self._store = store
        self._write_slots = write_slots
        self._rows: list[tuple[Span, Context]] = []
        short: list[ShortRow] = []
        for span, context in zip(spans, contexts, strict=True):
            if not span.denoises and 0 < span.encodes <= short_rows.most_tokens:
                short.append((span, context.slots))
            else:
                self._rows.append((span, context))
        self._short = short_rows(short, store) if short else None
        self._masks: dict[tuple[int, int, int | None], Tensor | None] = {}

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        encoded = self._write_slots.shape[0]
        if encoded:
            self._store.write(layer, self._write_slots, k[:encoded], v[:encoded])
        out = torch.empty_like(q)
        window = self._config.attention(layer).window
        for span, context in self._rows:
            keys, values = self._gather(layer, span, context)
            if span.encodes:
                out[span.encode] = self._encode(span, q[span.encode], keys, values, window)
            if span.denoises:
                keys[span.prefix :] = k[span.canvas]
                values[span.prefix :] = v[span.canvas]
                first = 0 if window is None else max(0, span.prefix - (window - 1))
                out[span.canvas] = _attend(q[span.canvas], keys[first:], values[first:], None)
        if self._short is not None:
            self._short.attend(layer, q, out, window)
        return out

    def _gather(self, layer: int, span: Span, context: Context) -> tuple[Tensor, Tensor]:
        kept = context.layers[layer]
        total = span.prefix + span.denoises
        if kept is not None and len(kept[0]) >= total:  # a canvas may have shrunk, or grown
            return kept[0][:total], kept[1][:total]
        source_k, source_v = self._store.keys[layer], self._store.values[layer]
        keys = source_k.new_empty((total, *source_k.shape[1:]))
        values = source_v.new_empty((total, *source_v.shape[1:]))
        torch.index_select(source_k, 0, context.slots, out=keys[: span.prefix])
        torch.index_select(source_v, 0, context.slots, out=values[: span.prefix])
        if span.denoises:
            context.layers[layer] = (keys, values)
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
    """Causal mask of tokens [start, stop) over [0, stop): [stop - start, stop] bool, None if all see all.

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
