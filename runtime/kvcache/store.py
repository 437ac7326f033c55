"""The KV store: one pair of tensors per layer, addressed by slot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.model.config import ModelConfig


class KVStore:
    """keys[layer], values[layer]: [slots, Hkv, D]; slot = block * block_size + offset.

    Memory is reserved, not touched: the system gives pages out as they are first written.
    """

    def __init__(
        self, config: ModelConfig, num_blocks: int, block_size: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.block_size = block_size
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        for layer in range(len(config.layers)):
            heads = config.attention(layer)
            shape = (num_blocks * block_size, heads.kv_heads, heads.head_dim)
            self.keys.append(torch.empty(shape, dtype=dtype, device=device))
            self.values.append(torch.empty(shape, dtype=dtype, device=device))

    def slots(self, blocks: Sequence[int], start: int, stop: int) -> NDArray[np.int64]:
        """Slots of positions [start, stop) under a block table."""
        positions = np.arange(start, stop, dtype=np.int64)
        table = np.asarray(blocks, dtype=np.int64)
        return table[positions // self.block_size] * self.block_size + positions % self.block_size

    def write(self, layer: int, slots: Tensor, keys: Tensor, values: Tensor) -> None:
        """slots [N]; keys, values [N, Hkv, D]."""
        self.keys[layer].index_copy_(0, slots, keys)
        self.values[layer].index_copy_(0, slots, values)

    def read(self, layer: int, slots: Tensor) -> tuple[Tensor, Tensor]:
        """slots [N] -> copies [N, Hkv, D] of keys and values."""
        return self.keys[layer].index_select(0, slots), self.values[layer].index_select(0, slots)
