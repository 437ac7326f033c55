"""The tests' model: a few thousand random weights, the same ones for the same arguments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig, Kind, ModelConfig, RopeConfig

_DIFFUSION = ModelConfig(
    kind="diffusion",
    vocab_size=257,
    hidden_size=32,
    intermediate_size=48,
    num_heads=4,
    layers=("sliding", "sliding", "full"),
    sliding=AttentionConfig(kv_heads=2, head_dim=8, rope=RopeConfig(1e4), window=24),
    full=AttentionConfig(kv_heads=1, head_dim=16, rope=RopeConfig(1e6, 0.25), shared_kv=True),
    num_experts=4,
    top_k_experts=2,
    moe_intermediate_size=16,
    max_position=1024,
    canvas_length=16,
)


def tiny_config(
    kind: Kind = "diffusion", *, window: int = 24, shared_kv: bool = True, **shape: Any
) -> ModelConfig:
    """Three layers over 256 bytes and an end token.

    Args:
        shape: other fields of `ModelConfig`.
    """
    config = replace(
        _DIFFUSION,
        kind=kind,
        sliding=replace(_DIFFUSION.sliding, window=window),
        full=replace(_DIFFUSION.full, shared_kv=shared_kv),
    )
    if kind == "autoregressive":
        config = replace(config, canvas_length=256)  # the default, since its checkpoints have none
    return replace(config, **shape)


def tiny_model(
    kind: Kind = "diffusion",
    *,
    seed: int = 1,
    likely: int | None = None,
    rough: bool = False,
    **shape: Any,
) -> BlockDiffusionModel:
    """A model with random weights, without gradients.

    Args:
        likely: a token with a larger embedding, so that it is generated more often than others.
        rough: give each tensor values of its own, norms and scalars too, so that none can be left out or taken for
            another. Otherwise rounding errors die out rather than grow from step to step.
        shape: see `tiny_config`.
    """
    model = BlockDiffusionModel(tiny_config(kind, **shape))
    roughen(model, seed) if rough else _calm(model, seed)
    if kind == "autoregressive":  # its checkpoints have no scalars of a decoder
        for layer in model.layers:
            layer.get_buffer("decoder_scalar").fill_(1.0)
    if likely is not None:
        with torch.no_grad():
            model.embed_tokens.weight[likely].mul_(1.5)
    return model.requires_grad_(requires_grad=False)


@torch.no_grad()
def _calm(model: BlockDiffusionModel, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            parameter.normal_(std=parameter.shape[-1] ** -0.5, generator=generator)
        elif "post_" in name:
            parameter.fill_(0.4)
    for parameter in model.norm.parameters():
        parameter.mul_(2.0)


@torch.no_grad()
def roughen(model: torch.nn.Module, seed: int) -> None:
    """Random norms and layer scalars away from 1, and large projections: of our model, or of transformers' own."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in (dict(model.named_parameters()) | dict(model.named_buffers())).items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith(("layer_scalar", "encoder_scalar", "decoder_scalar")):
            tensor.copy_(0.7 + 0.5 * torch.rand(tensor.shape, generator=generator))
        elif "norm" in name or name.endswith(("router.per_expert_scale", "router.scale")):
            tensor.copy_(1 + 0.3 * noise)
        elif name.endswith("embed_tokens.weight"):
            tensor.copy_(0.3 * noise)
        elif name.endswith(("proj", "proj.weight")):
            tensor.copy_(1.5 * noise * tensor.shape[-1] ** -0.5)


def twin_of(
    model: BlockDiffusionModel, of: type[BlockDiffusionModel] = BlockDiffusionModel, **changes: Any
) -> BlockDiffusionModel:
    """A model of another class or of a changed configuration, with the weights of `model` as far as it has them."""
    built = of(replace(model.config, **changes))
    weights = model.state_dict()
    built.load_state_dict({name: weights[name] for name in built.state_dict()})
    return built.requires_grad_(requires_grad=False)
