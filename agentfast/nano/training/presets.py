"""Sizes of the embedded model, and the initialisation of its weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig, Kind, LayerType, ModelConfig, RopeConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """A size; the rest follows the DiffusionGemma architecture."""

    hidden: int
    intermediate: int
    heads: int
    head_dim: int
    layers: tuple[LayerType, ...]
    experts: int
    expert_intermediate: int
    window: int = 256

    def model_config(self, vocab_size: int, decoder: str) -> ModelConfig:
        """The architecture of this size. Full layers have one shared K = V head, as long ropes."""
        return ModelConfig(
            kind=cast(Kind, decoder),
            vocab_size=vocab_size,
            hidden_size=self.hidden,
            intermediate_size=self.intermediate,
            num_heads=self.heads,
            layers=self.layers,
            sliding=AttentionConfig(
                kv_heads=self.heads // 2,
                head_dim=self.head_dim,
                rope=RopeConfig(theta=1e4),
                window=self.window,
            ),
            full=AttentionConfig(
                kv_heads=self.heads // 2,
                head_dim=3 * self.head_dim // 2,
                rope=RopeConfig(theta=1e6, partial=0.25),
                shared_kv=True,
            ),
            num_experts=self.experts,
            top_k_experts=2,
            moe_intermediate_size=self.expert_intermediate,
            max_position=4096,
            canvas_length=32,
        )


PRESETS = {
    "cpu": Preset(
        hidden=160,
        intermediate=192,
        heads=4,
        head_dim=40,
        layers=("sliding", "sliding", "full") * 3,
        experts=8,
        expert_intermediate=96,
    ),
    # 28 million parameters, 55 MB in fp16.
    "gpu": Preset(
        hidden=384,
        intermediate=512,
        heads=6,
        head_dim=64,
        layers=("sliding", "sliding", "sliding", "full") * 2,
        experts=8,
        expert_intermediate=256,
    ),
}


@torch.no_grad()
def initialise(model: BlockDiffusionModel) -> None:
    """Unit-scale embeddings, attention scores of unit variance, and block outputs that start small."""
    config = model.config
    nn.init.normal_(model.embed_tokens.weight, std=config.hidden_size**-0.5)
    outputs = ("post_attention_layernorm.weight", "post_feedforward_layernorm.weight")
    for name, parameter in model.named_parameters():
        if name.endswith(("q_norm.weight", "k_norm.weight")):
            parameter.fill_(parameter.shape[0] ** -0.25)
        elif name.endswith(outputs):
            parameter.fill_((2 * len(config.layers)) ** -0.5)
        elif name.endswith(("proj.weight",)) and parameter.ndim == 2:
            nn.init.normal_(parameter, std=parameter.shape[1] ** -0.5)
