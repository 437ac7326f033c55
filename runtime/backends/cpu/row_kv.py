"""Per-row K/V in tiled layout, for as long as the row lives.

Final positions are appended once, provisional ones are placed anew; canvas positions are rewritten each step.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import numpy as np
import torch

from agentfast.runtime.backends.cpu.kernels.batch_attention import Cache, Rows, panel_floats
from agentfast.runtime.backends.cpu.kernels.tiled_attention import MOST_SCORE
from agentfast.runtime.backends.cpu.short_rows import FEW
from agentfast.runtime.jit.simd import WIDTH
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.layers import Layer
from agentfast.runtime.scheduling.batch import ScheduledRow as ScheduledRow
from agentfast.runtime.scheduling.batch_layout import Span
from agentfast.runtime.scheduling.row import Row


class RowTiles:
    """Memory for a row's keys and values of all layers; `filled` positions of it are settled."""

    def __init__(self, shapes: np.ndarray[tuple[int, int], np.dtype[np.int64]], positions: int) -> None:
        self.capacity = -(-positions // WIDTH) * WIDTH
        self._memory = torch.empty(panel_floats(shapes, len(shapes), self.capacity))
        self.address = self._memory.data_ptr()
        self.filled = 0


class RowKV:
    """Keeps the panels of rows, and says which of them a pass reads."""

    def __init__(self, model: BlockDiffusionModel, store: KVStore) -> None:
        config = model.config
        layers = [config.attention(layer) for layer in range(len(config.layers))]
        bounds = [cast(Layer, layer).self_attn.score_bound() for layer in model.layers]
        self.cache = Cache(
            store=np.array(
                [[k.data_ptr(), v.data_ptr()] for k, v in zip(store.keys, store.values, strict=True)]
            ),
            slots=len(store.keys[0]),
            block_size=store.block_size,
            shapes=np.array([[layer.kv_heads, layer.head_dim] for layer in layers]),
            windows=np.array([layer.window or 0 for layer in layers]),
            bounded=np.array([bound <= MOST_SCORE for bound in bounds]),
        )
        self._store = store  # the memory that the addresses are of
        self._one_by_one = config.kind == "autoregressive"
        self._panels: dict[Row, RowTiles] = {}

    def rows(self, parts: Iterable[ScheduledRow], spans: Iterable[Span]) -> Rows:
        """The rows of a pass. A row's panels are good until it is released or its next pass."""
        lines: list[tuple[int, ...]] = []
        blocks: list[int] = []
        for part, span in zip(parts, spans, strict=True):
            row = part.row
            panels = self._panels_of(part)
            filled = 0
            if panels is not None:
                filled, panels.filled = min(panels.filled, part.start), min(part.stop, row.final_tokens)
            lines.append(
                (
                    span.encode.start,
                    span.canvas.start,
                    part.start,
                    part.stop,
                    part.canvas_tokens,
                    len(blocks),
                    0 if panels is None else panels.address,
                    0 if panels is None else panels.capacity,
                    filled,
                )
            )
            if filled < part.stop:
                blocks += row.blocks
        columns = np.array(lines, np.int64).reshape(len(lines), -1).T.copy()
        return Rows._make([*columns, np.array(blocks, np.int64)])

    def release(self, row: Row) -> None:
        """Forget a row's panels."""
        self._panels.pop(row, None)

    def _panels_of(self, part: ScheduledRow) -> RowTiles | None:
        row = part.row
        panels = self._panels.get(row)
        if not part.canvas_tokens and part.stop - part.start <= FEW and (self._one_by_one or panels is None):
            self._panels.pop(row, None)  # what filled them was the prompt, and single tokens follow
            return None
        needed = part.stop + part.canvas_tokens
        if panels is None or panels.capacity < needed:
            panels = self._panels[row] = RowTiles(
                self.cache.shapes, max(needed, row.max_kv_positions + row.canvas_tokens)
            )
        return panels
