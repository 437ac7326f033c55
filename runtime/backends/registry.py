"""The choice of a backend by the model and its device: the one place that asks where a tensor lies."""

from __future__ import annotations

import torch

from agentfast.runtime.backends.base import Backend
from agentfast.runtime.backends.cpu.backend import CpuBackend
from agentfast.runtime.backends.cpu.short_rows import PagedTokens
from agentfast.runtime.backends.torch.backend import TorchBackend
from agentfast.runtime.backends.torch.short_rows import PaddedTokens
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.jit.simd import FEWEST_PAIRS
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.layers import fuse_norms
from agentfast.runtime.posterior.exact import ExactPosterior
from agentfast.runtime.posterior.registry import ops_for


def backend_for(model: BlockDiffusionModel, config: EngineConfig) -> Backend:
    """The fastest backend for a model: fused CPU kernels for a small float32 one, else torch."""
    weight = model.embed_tokens.weight
    posterior = ExactPosterior(ops_for(weight.device))
    on_plain_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
    if on_plain_cpu and is_fusible(model):
        return CpuBackend(model, config, posterior)
    if weight.device.type != "cpu":
        fuse_norms(model)
    return TorchBackend(model, config, posterior, PagedTokens if on_plain_cpu else PaddedTokens)


def is_fusible(model: BlockDiffusionModel) -> bool:
    """True if the fused forward pass can run the model, and is worth it."""
    config = model.config
    wide_heads = min(config.sliding.head_dim, config.full.head_dim) >= 2 * FEWEST_PAIRS
    return type(model) is BlockDiffusionModel and config.small and wide_heads
