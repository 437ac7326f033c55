"""The obvious attention: every query against every key, hidden by a mask. The reference of the fast one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import ModelConfig


@dataclass
class DenseAttention:
    """Attention over a ragged batch [T] of the tokens of several rows, which keeps what was encoded.

    An encode token sees what its row has encoded up to itself; a canvas token sees all of that and the whole
    canvas of its row, which is never kept. In a sliding layer of window w an encode token sees itself and the
    w - 1 before it, and a canvas the last w - 1 encoded.
    """

    config: ModelConfig
    rows: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))  # [T]
    positions: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))  # [T]
    canvas: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.bool))  # [T]
    kept: dict[int, tuple[Tensor, Tensor, Tensor, Tensor]] = field(
        default_factory=dict[int, tuple[Tensor, Tensor, Tensor, Tensor]]
    )  # per layer: keys, values, rows, positions

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        empty = (k[:0], v[:0], self.rows[:0], self.positions[:0])
        old_k, old_v, old_rows, old_positions = self.kept.get(layer, empty)
        keys, values = torch.cat((old_k, k)), torch.cat((old_v, v))
        rows, positions = torch.cat((old_rows, self.rows)), torch.cat((old_positions, self.positions))
        canvas = torch.cat((torch.zeros_like(old_rows, dtype=torch.bool), self.canvas))
        self.kept[layer] = (keys[~canvas], values[~canvas], rows[~canvas], positions[~canvas])
        seen = self._seen(layer, rows, positions, canvas)  # [T, K]
        groups = q.shape[1] // k.shape[1]
        keys, values = (x.repeat_interleave(groups, dim=1) for x in (keys, values))
        scores = torch.einsum("qhd,khd->hqk", q, keys).masked_fill(~seen, -torch.inf)
        return torch.einsum("hqk,khd->qhd", scores.softmax(-1), values)

    def _seen(self, layer: int, rows: Tensor, positions: Tensor, canvas: Tensor) -> Tensor:
        window = self.config.attention(layer).window
        seen = torch.zeros(len(self.rows), len(rows), dtype=torch.bool)
        for query in range(len(self.rows)):
            mine = rows == self.rows[query]
            before = mine & ~canvas & (positions <= self.positions[query])
            last = self.positions[query]
            if self.canvas[query]:
                last = positions[mine & canvas].min()
            if window is not None:
                before &= positions > last - window
            seen[query] = before | (mine & canvas) if self.canvas[query] else before
        return seen


@dataclass
class DenseRunner:
    """Runs a model over rows, with `DenseAttention`."""

    model: BlockDiffusionModel
    lengths: dict[int, int] = field(default_factory=dict[int, int])

    def __post_init__(self) -> None:
        self.attention = DenseAttention(self.model.config)

    def encode(self, tokens: Mapping[int, Sequence[int]]) -> dict[int, Tensor]:
        """Tokens per row -> logits [L, V] per row; the tokens are kept."""
        return self.forward(tokens, {})

    def denoise(
        self, canvases: Mapping[int, Sequence[int]], soft: Mapping[int, Tensor] | None = None
    ) -> dict[int, Tensor]:
        """A canvas per row, and its soft embeddings [C, H] if any -> logits [C, V] per row."""
        return self.forward({}, canvases, soft)

    def forward(
        self,
        encode: Mapping[int, Sequence[int]],
        canvases: Mapping[int, Sequence[int]],
        soft: Mapping[int, Tensor] | None = None,
    ) -> dict[int, Tensor]:
        """Rows to encode and rows to denoise in one ragged call -> logits per row."""
        parts = [(row, list(ids)) for row, ids in (*encode.items(), *canvases.items())]
        sizes = [len(ids) for _, ids in parts]
        self.attention.rows = torch.cat([torch.full((len(ids),), row) for row, ids in parts])
        self.attention.positions = torch.cat(
            [torch.arange(len(ids)) + self.lengths.get(row, 0) for row, ids in parts]
        )
        self.attention.canvas = torch.cat([torch.full((len(ids),), row in canvases) for row, ids in parts])
        hidden = self.model(
            torch.cat([torch.tensor(ids) for _, ids in parts]),
            self.attention.positions,
            self.attention,
            denoise=self.attention.canvas if canvases else False,
            soft=None if soft is None else torch.cat([soft[row] for row in canvases]),
        )
        for row, ids in encode.items():
            self.lengths[row] = self.lengths.get(row, 0) + len(ids)
        logits = torch.split(self.model.logits(hidden), sizes)
        return {row: part for (row, _), part in zip(parts, logits, strict=True)}
