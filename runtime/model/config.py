"""Architecture numbers: layers, heads, rope, experts. A checkpoint's `config.json` is read in checkpoint/hf_config.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from agentfast.errors import ConfigError

Kind = Literal["diffusion", "autoregressive"]
LayerType = Literal["sliding", "full"]

SMALL_MODEL: Final = 1024
"""Hidden size below which a model is small."""


@dataclass(frozen=True, slots=True)
class RopeConfig:
    """Rotary embedding of one layer type.

    `partial` is the share of the head's frequencies that rotate: the rest have frequency 0 ("proportional" rope).
    """

    theta: float
    partial: float = 1.0


@dataclass(frozen=True, slots=True)
class AttentionConfig:
    """Heads and rope of one layer type. With `shared_kv` the values are the (unroped) key projection."""

    kv_heads: int
    head_dim: int
    rope: RopeConfig
    window: int | None = None
    shared_kv: bool = False


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """A DiffusionGemma (or, `kind="autoregressive"`, a Gemma 4 text) backbone."""

    kind: Kind
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_heads: int
    layers: tuple[LayerType, ...]
    sliding: AttentionConfig
    full: AttentionConfig
    num_experts: int
    top_k_experts: int
    moe_intermediate_size: int
    max_position: int
    canvas_length: int = 256
    rms_norm_eps: float = 1e-6
    logit_softcap: float | None = 30.0

    def __post_init__(self) -> None:
        if not self.layers or self.layers[-1] != "full":
            raise ConfigError("the last layer must be a full one, as it is in every Gemma 4")
        if not self.sliding.window or self.full.window:
            raise ConfigError("sliding layers need a window, and full layers have none")
        for attention in (self.sliding, self.full):
            if self.num_heads % attention.kv_heads:
                raise ConfigError(f"{self.num_heads} query heads cannot share {attention.kv_heads} KV heads")
            if attention.head_dim % 2:
                raise ConfigError(f"head_dim is {attention.head_dim}, but rope turns pairs")
        if self.top_k_experts > self.num_experts:
            raise ConfigError(f"cannot choose {self.top_k_experts} of {self.num_experts} experts")

    @property
    def small(self) -> bool:
        """True if per-operator overhead dominates a step on a CPU: hidden size below `SMALL_MODEL`."""
        return self.hidden_size < SMALL_MODEL

    def attention(self, layer: int) -> AttentionConfig:
        """The attention numbers of one layer."""
        return self.sliding if self.layers[layer] == "sliding" else self.full
