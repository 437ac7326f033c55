"""Ragged batches: from scheduled rows to the tensors of a forward pass, and from its results to each row's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.scheduling.batch import ScheduledRow
from agentfast.runtime.scheduling.batch_layout import Span, spans_of
from agentfast.runtime.scheduling.row import Canvas


@dataclass(frozen=True, slots=True)
class RaggedBatch:
    """Rows of a forward pass as tensors of their T tokens: all encode tokens first, then all canvases.

    Attributes:
        spans: the rows' places among the tokens.
        tokens, positions: [T] int64.
        denoise: [T] bool, the canvas tokens; False if there are none.
        soft: [N, H], self-conditioning of the N canvas tokens, zeros before a canvas's first step; None if N is 0.
        read: [R] int64, places whose hidden states are read; None: all.
    """

    rows: tuple[ScheduledRow, ...]
    spans: list[Span]
    tokens: Tensor
    positions: Tensor
    denoise: Tensor | bool
    soft: Tensor | None
    read: Tensor | None


def ragged_batch(rows: tuple[ScheduledRow, ...], embeddings: Tensor) -> RaggedBatch:
    """Lay out rows on the device of the embedding table [V, H]."""
    device = embeddings.device
    spans = spans_of(rows)
    encodes = sum(row.stop - row.start for row in rows)
    total = encodes + sum(row.canvas_tokens for row in rows)
    denoise = torch.zeros(total, dtype=torch.bool, device=device)
    denoise[encodes:] = True
    encoding = [row for row in rows if row.stop > row.start]
    denoising = [row for row in rows if row.canvas_tokens]
    tokens = [np.array(part.row.tokens[part.start : part.stop], np.int64) for part in encoding]
    tokens += [_canvas(part).tokens for part in denoising]
    positions = [np.arange(part.start, part.stop) for part in encoding]
    positions += [np.arange(part.stop, part.stop + part.canvas_tokens) for part in denoising]
    read = None
    if sum(row.logit_positions for row in rows) != encodes:
        encoded = np.array(_logit_positions(rows, spans), dtype=np.int64)
        read = on_device([encoded, np.arange(encodes, total)], device)
    return RaggedBatch(
        rows,
        spans,
        on_device(tokens, device),
        on_device(positions, device),
        denoise if total > encodes else False,
        _soft(denoising, embeddings),
        read,
    )


def on_device(parts: Sequence[NDArray[np.int64]], device: torch.device) -> Tensor:
    """Arrays end to end as one tensor."""
    joined = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
    return torch.from_numpy(joined).to(device)


def wanted_positions(rows: Sequence[ScheduledRow], spans: Sequence[Span]) -> NDArray[np.int64]:
    """Places whose logits are wanted: those of the canvases, then the rows' encode positions that are read."""
    canvases = np.arange(spans[0].canvas.start, spans[-1].canvas.stop)
    return np.concatenate((canvases, np.array(_logit_positions(rows, spans), np.int64)))


def split_logits(
    rows: Sequence[ScheduledRow], groups: Sequence[slice], logits: Tensor
) -> list[tuple[Tensor, Tensor]]:
    """Split logits in the order of `wanted_positions` by consecutive groups of rows: canvases, next tokens."""
    canvas, read = 0, sum(row.canvas_tokens for row in rows)
    shares: list[tuple[Tensor, Tensor]] = []
    for group in groups:
        canvases = sum(row.canvas_tokens for row in rows[group])
        reads = sum(row.logit_positions for row in rows[group])
        shares.append((logits[canvas : canvas + canvases], logits[read : read + reads]))
        canvas, read = canvas + canvases, read + reads
    return shares


def finite_rows(hidden: Tensor, spans: Sequence[Span]) -> list[bool]:
    """Check that each span's hidden states [T, H] are finite; one check for all in the usual case."""
    if isfinite(hidden.sum().item()):
        return [True] * len(spans)
    flags = cast(list[bool], torch.isfinite(hidden.sum(dim=-1)).tolist())
    return [all(flags[span.encode]) and all(flags[span.canvas]) for span in spans]


def _soft(rows: Sequence[ScheduledRow], embeddings: Tensor) -> Tensor | None:
    parts: list[Tensor] = []
    for row in rows:
        soft = _canvas(row).soft
        parts.append(embeddings.new_zeros(row.canvas_tokens, embeddings.shape[1]) if soft is None else soft)
    return torch.cat(parts) if parts else None


def _canvas(part: ScheduledRow) -> Canvas:
    assert part.row.canvas is not None
    return part.row.canvas


def _logit_positions(rows: Sequence[ScheduledRow], spans: Sequence[Span]) -> list[int]:
    pairs = zip(rows, spans, strict=True)
    return [
        at for row, span in pairs for at in range(span.encode.stop - row.logit_positions, span.encode.stop)
    ]
