"""The choice of a backend by the model and its device: the one place that asks where a tensor lies."""

from __future__ import annotations

import torch

from agentfast.runtime.backends.base import Backend
from agentfast.runtime.backends.cpu.backend import CpuBackend
from agentfast.runtime.backends.cpu.short_rows import PagedTokens
from agentfast.runtime.backends.stand_in import StandInBackend
from agentfast.runtime.backends.torch.backend import TorchBackend
from agentfast.runtime.backends.torch.short_rows import PaddedTokens, ShortRows
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.torch_threads import one_thread
from agentfast.runtime.jit.cold_start import kernels_ready
from agentfast.runtime.jit.simd import FEWEST_PAIRS
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.layers import fuse_norms
from agentfast.runtime.posterior.exact import ExactPosterior
from agentfast.runtime.posterior.registry import ops_for


def backend_for(model: BlockDiffusionModel, config: EngineConfig) -> Backend:
    """The fastest backend for a model: fused CPU kernels for a small float32 one, else torch.

    Where the fused kernels are still being compiled, torch stands in until they are.
    """
    weight = model.embed_tokens.weight
    on_plain_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
    if on_plain_cpu and is_fusible(model):
        store = _store(model, config)
        with one_thread():
            fused = CpuBackend(model, config, _posterior(model), store)
        if kernels_ready():
            return fused
        return StandInBackend(torch_backend(model, config, store=store), fused, kernels_ready)
    if weight.device.type != "cpu":
        fuse_norms(model)
    return torch_backend(model, config, PagedTokens if on_plain_cpu else PaddedTokens)


def torch_backend(
    model: BlockDiffusionModel,
    config: EngineConfig,
    short_rows: type[ShortRows] = PaddedTokens,
    *,
    store: KVStore | None = None,
) -> TorchBackend:
    """The backend in torch operations, for any model.

    Args:
        short_rows: attention of rows that encode a token or a few.
        store: shared with another backend; None: its own.
    """
    return TorchBackend(model, config, _posterior(model), store or _store(model, config), short_rows)


def _posterior(model: BlockDiffusionModel) -> ExactPosterior:
    return ExactPosterior(ops_for(model.embed_tokens.weight.device))


def _store(model: BlockDiffusionModel, config: EngineConfig) -> KVStore:
    weight = model.embed_tokens.weight
    return KVStore(model.config, config.num_blocks, config.block_size, weight.dtype, weight.device)


def is_fusible(model: BlockDiffusionModel) -> bool:
    """True if the fused forward pass can run the model, and is worth it."""
    config = model.config
    wide_heads = min(config.sliding.head_dim, config.full.head_dim) >= 2 * FEWEST_PAIRS
    return type(model) is BlockDiffusionModel and config.small and wide_heads
