"""Attention of rows of many tokens on a CPU: each row's keys and values in panels, all rows attended by one kernel call.

The panels of a canvas's prefix stay while it is denoised; the canvas's own part is written anew in every step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.panel_kernels import NOWHERE, Parts, attend_parts, columns_of, key_floats, place
from agentfast.runtime.spans import Context, Span

Ints = NDArray[np.int64]


class PanelRows:
    """Rows whose keys and values are copied into panels."""

    def __init__(self, spans: Sequence[Span], store: KVStore, bounded: Sequence[bool]) -> None:
        """bounded: per layer, whether no score is beyond MOST_SCORE."""
        self._store = store
        self._bounded = bounded
        # Each row's encode tokens, then its canvas; those that are none are left out.
        parts = [
            (span, part) for span in spans for part in (span.encode, span.canvas) if part.stop > part.start
        ]
        self._spans = [span for span, _ in parts]
        for span in spans:
            span.context.make_room(span.prefix + span.denoises)
        self._parts = Parts(
            start=_ints(part.start for _, part in parts),
            stop=_ints(part.stop for _, part in parts),
            capacity=_ints(span.context.capacity for span, _ in parts),
            place=_ints(span.prefix if part is span.canvas else NOWHERE for span, part in parts),
        )
        self._seen: dict[int | None, tuple[Ints, Ints]] = {}
        self._unfilled = [i for i, span in enumerate(self._spans) if None in span.context.layers]
        self._addresses = np.empty((len(store.keys), 2, len(parts)), np.int64)
        for i, span in enumerate(self._spans):
            self._addresses[:, :, i] = span.context.addresses

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]; k, v [T, Hkv, D], of which canvases read their own."""
        if window not in self._seen:
            self._seen[window] = self._seen_under(window, len(q))
        fresh = self._fill(layer)
        key_addresses, value_addresses = self._addresses[layer]
        attend_parts(
            q.numpy(),
            k.numpy(),
            v.numpy(),
            *self._seen[window],
            self._parts,
            key_addresses,
            value_addresses,
            self._bounded[layer],
            out.numpy(),
        )
        del fresh  # what no context keeps had to live until here

    def _seen_under(self, window: int | None, tokens: int) -> tuple[Ints, Ints]:
        """The positions [low, high) that each token sees, [T]."""
        low, high = np.zeros(tokens, np.int64), np.zeros(tokens, np.int64)
        for span, start, stop, own in zip(
            self._spans, self._parts.start, self._parts.stop, self._parts.place, strict=True
        ):
            if own != NOWHERE:
                low[start:stop], high[start:stop] = span.first_seen(window), span.prefix + span.denoises
                continue
            encoded = np.arange(span.start, span.prefix)
            high[start:stop] = encoded + 1
            if window is not None:
                low[start:stop] = np.maximum(encoded - (window - 1), 0)
        return low, high

    def _fill(self, layer: int) -> list[tuple[Tensor, Tensor]]:
        """Give rows that have none of this layer their panels, which are returned."""
        fresh: list[tuple[Tensor, Tensor]] = []
        for i in self._unfilled:
            context = self._spans[i].context
            if context.layers[layer] is None:
                panels = self._filled(layer, context)
                context.addresses[layer] = [part.data_ptr() for part in panels]
                if self._spans[i].denoises:
                    context.layers[layer] = panels
                fresh.append(panels)
            self._addresses[layer, :, i] = context.addresses[layer]
        return fresh

    def _filled(self, layer: int, context: Context) -> tuple[Tensor, Tensor]:
        keys, values = self._store.keys[layer], self._store.values[layer]
        heads, size = keys.shape[1:]
        panels = (
            torch.empty(heads * key_floats(context.capacity, size)),
            torch.empty(heads * context.capacity * columns_of(size)),
        )
        into = (part.numpy() for part in panels)
        place(keys.numpy(), values.numpy(), context.slots.numpy(), 0, context.capacity, *into)
        return panels


def _ints(numbers: Iterable[int]) -> Ints:
    return np.fromiter(numbers, np.int64)
