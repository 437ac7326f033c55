"""Attention of rows of many tokens on a CPU: each row's keys and values in panels, attended by kernels.

The panels of a canvas's prefix stay while it is denoised; the canvas's own part is written anew in every step.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.panel_kernels import attend, attend_canvas, place
from agentfast.runtime.spans import Span
from agentfast.runtime.vectors import WIDTH

Seen = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The positions [low, high) that each token of a part sees."""


class PanelRows:
    """Rows whose keys and values are copied into panels."""

    def __init__(self, spans: Sequence[Span], store: KVStore) -> None:
        self._spans = spans
        self._store = store
        self._seen: dict[int | None, list[tuple[Seen, Seen]]] = {}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]; k, v [T, Hkv, D], of which canvases read their own."""
        queries, keys, values, result = q.numpy(), k.numpy(), v.numpy(), out.numpy()
        for span, (encoded, canvas) in zip(self._spans, self._seen_under(window), strict=True):
            key_panels, value_panels = (panels.numpy() for panels in self._panels(layer, span))
            if span.encodes:
                part = span.encode
                attend(queries[part], *encoded, key_panels, value_panels, result[part])
            if span.denoises:
                part, first = span.canvas, span.prefix
                own = queries[part], keys[part], values[part]
                attend_canvas(*own, first, *canvas, key_panels, value_panels, result[part])

    def _seen_under(self, window: int | None) -> list[tuple[Seen, Seen]]:
        """What each row's encode tokens and its canvas see."""
        if window not in self._seen:
            self._seen[window] = [_seen(span, window) for span in self._spans]
        return self._seen[window]

    def _panels(self, layer: int, span: Span) -> tuple[Tensor, Tensor]:
        kept = span.context.layers[layer]
        if kept is not None:
            return kept
        keys, values = self._store.keys[layer], self._store.values[layer]
        heads, size = keys.shape[1:]
        total = span.prefix + span.denoises
        key_panels = torch.empty(heads, -(-total // WIDTH), size, WIDTH)
        value_panels = torch.empty(heads, -(-size // WIDTH), total, WIDTH)
        place(
            keys.numpy(),
            values.numpy(),
            span.context.slots.numpy(),
            0,
            key_panels.numpy(),
            value_panels.numpy(),
        )
        if span.denoises:
            span.context.layers[layer] = (key_panels, value_panels)
        return key_panels, value_panels


def _seen(span: Span, window: int | None) -> tuple[Seen, Seen]:
    encoded = np.arange(span.start, span.prefix, dtype=np.int64)
    first = np.zeros_like(encoded) if window is None else np.maximum(encoded - (window - 1), 0)
    canvas = np.full(span.denoises, span.first_seen(window), dtype=np.int64)
    end = np.full(span.denoises, span.prefix + span.denoises, dtype=np.int64)
    return (first, encoded + 1), (canvas, end)
