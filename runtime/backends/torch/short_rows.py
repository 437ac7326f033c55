"""Attention of rows that encode a token or a few over a long prefix, as autoregressive rows do.

On a CPU a kernel reads keys and values where they lie in the store (32 rows over 256 positions: 0.33 ms a layer, where
gathering them takes several). Elsewhere rows of one token are padded into one batched call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import torch
from torch import Tensor

from agentfast.runtime.backends.cpu.kernels.paged_attention import attend_paged
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.scheduling.batch_layout import Span

FEW: Final = 8
"""Up to so many tokens a row is cheaper token by token than by a matrix product of its own."""

Spot = tuple[Span, Tensor]
"""Where a row is in the batch, and the slots [P] of its prefix."""


class FewTokens(Protocol):
    """Rows that are attended together."""

    def attend(self, layer: int, q: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]."""
        ...


def most_tokens(store: KVStore) -> int:
    """How many tokens a row may encode to be among the few."""
    return FEW if store.on_plain_cpu else 1


def attend_few(rows: Sequence[Spot], store: KVStore) -> FewTokens | None:
    """The best way for these rows; None if there are none."""
    if not rows:
        return None
    return PagedTokens(rows, store) if store.on_plain_cpu else PaddedTokens(rows, store)


class PagedTokens:
    """Rows of a few tokens each, read from the store by a kernel."""

    def __init__(self, rows: Sequence[Spot], store: KVStore) -> None:
        self._rows = rows
        self._store = store

    def attend(self, layer: int, q: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]."""
        keys, values = self._store.keys[layer].numpy(), self._store.values[layer].numpy()
        for span, slots in self._rows:
            queries, found = q[span.encode].numpy(), out[span.encode].numpy()
            attend_paged(queries, keys, values, slots.numpy(), 0, span.start, window or 0, found)


class PaddedTokens:
    """Rows that encode one token each, padded into one attention call."""

    def __init__(self, rows: Sequence[Spot], store: KVStore) -> None:
        self._store = store
        device = rows[0][1].device
        self._queries = torch.tensor([span.encode.start for span, _ in rows], device=device)
        prefixes = [span.prefix for span, _ in rows]
        longest = max(prefixes)
        self._slots = torch.stack([_pad(slots, longest) for _, slots in rows])  # [B, L]
        self._positions = torch.arange(longest, device=device)[None]  # [1, L]
        self._prefixes = torch.tensor(prefixes, device=device)[:, None]  # [B, 1]

    def attend(self, layer: int, q: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]."""
        seen = self._positions < self._prefixes
        if window is not None:
            seen = seen & (self._positions >= self._prefixes - window)
        batch, longest = self._slots.shape
        keys, values = self._store.read(layer, self._slots.flatten())
        keys = keys.view(batch, longest, *keys.shape[1:]).permute(0, 2, 3, 1)  # [B, Hkv, D, L]
        values = values.view(batch, longest, *values.shape[1:]).transpose(1, 2)  # [B, Hkv, L, D]
        queries = q[self._queries]
        grouped = queries.view(batch, keys.shape[1], -1, q.shape[-1])  # [B, Hkv, G, D]
        scores = (grouped @ keys).masked_fill(~seen[:, None, None], float("-inf"))
        weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(values.dtype)
        out[self._queries] = (weights @ values).reshape(queries.shape)


def _pad(slots: Tensor, length: int) -> Tensor:
    # Padding repeats a slot of the row's own: it is masked, but a stranger's NaN times zero would be NaN.
    return torch.cat([slots, slots[-1:].expand(length - slots.shape[0])])
