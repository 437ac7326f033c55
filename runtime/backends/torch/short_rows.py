"""Attention of rows that encode one token over a long prefix, as autoregressive rows do, padded into one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.scheduling.batch_layout import Span

ShortRow = tuple[Span, Tensor]
"""A row's place in the batch, and the slots [P] of its prefix."""


class ShortRows(Protocol):
    """Rows that are attended together because they encode few tokens."""

    most_tokens: ClassVar[int]
    """Tokens that such a row may encode."""

    def __init__(self, rows: Sequence[ShortRow], store: KVStore) -> None: ...

    def attend(self, layer: int, q: Tensor, out: Tensor, window: int | None) -> None:
        """Write the rows' part of `out`; q, out [T, Hq, D]."""
        ...


class PaddedTokens:
    """Rows that encode one token each, padded into one attention call."""

    most_tokens: ClassVar[int] = 1

    def __init__(self, rows: Sequence[ShortRow], store: KVStore) -> None:
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
