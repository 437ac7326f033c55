"""The architecture's numbers, read from a checkpoint's `config.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from agentfast.errors import CheckpointError

Kind = Literal["diffusion", "autoregressive"]
LayerType = Literal["sliding", "full"]

_DIFFUSION = ("diffusion_gemma", "diffusion_gemma_text")
_AUTOREGRESSIVE = ("gemma4", "gemma4_text", "gemma4_unified", "gemma4_unified_text")


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

    def attention(self, layer: int) -> AttentionConfig:
        """The attention numbers of one layer."""
        return self.sliding if self.layers[layer] == "sliding" else self.full

    @classmethod
    def from_hf(cls, raw: Mapping[str, Any]) -> ModelConfig:
        """Read a Hugging Face `config.json` of DiffusionGemma or of a Gemma 4 text model.

        Raises:
            CheckpointError: another architecture, or a variant of it that is not supported, named.
        """
        model_type = raw.get("model_type")
        if model_type not in _DIFFUSION + _AUTOREGRESSIVE:
            raise CheckpointError(
                f"model_type {model_type!r} is not supported",
                hint="DiffusionGemma and Gemma 4 checkpoints are",
            )
        text: Mapping[str, Any] = raw.get("text_config") or raw
        kind: Kind = "diffusion" if model_type in _DIFFUSION else "autoregressive"
        _refuse_variants(text, kind)
        try:
            return _from_text(text, kind, canvas_length=int(raw.get("canvas_length") or 256))
        except KeyError as missing:
            raise CheckpointError(f"config.json lacks {missing}") from missing


def _refuse_variants(text: Mapping[str, Any], kind: Kind) -> None:
    refused = {
        "hidden_size_per_layer_input": "per-layer embeddings",
        "num_kv_shared_layers": "KV shared between layers",
        "use_double_wide_mlp": "double-wide MLPs",
        "attention_bias": "attention biases",
    }
    for key, name in refused.items():
        if text.get(key):
            raise CheckpointError(f"{name} ({key}={text[key]!r}) are not supported")
    if text.get("use_bidirectional_attention") == "all":
        raise CheckpointError("bidirectional encoders (use_bidirectional_attention='all') are not supported")
    if kind == "autoregressive" and not text.get("enable_moe_block", True):
        raise CheckpointError(
            "Gemma 4 without a mixture of experts (enable_moe_block=false) is not supported"
        )
    if text.get("hidden_activation", "gelu_pytorch_tanh") != "gelu_pytorch_tanh":
        raise CheckpointError(f"hidden_activation {text['hidden_activation']!r} is not supported")
    if not text.get("tie_word_embeddings", True):
        raise CheckpointError("untied embeddings (tie_word_embeddings=false) are not supported")


def _from_text(text: Mapping[str, Any], kind: Kind, canvas_length: int) -> ModelConfig:
    names: dict[str, LayerType] = {"sliding_attention": "sliding", "full_attention": "full"}
    try:
        layers = tuple(names[name] for name in text["layer_types"])
    except KeyError as unknown:
        raise CheckpointError(f"layer type {unknown} is not supported") from unknown
    full = _full_attention_overrides(text)
    rope = text["rope_parameters"]
    if not all((text.get("num_experts"), text.get("top_k_experts"), text.get("moe_intermediate_size"))):
        raise CheckpointError("a dense model (no num_experts) is not supported")
    return ModelConfig(
        kind=kind,
        vocab_size=text["vocab_size"],
        hidden_size=text["hidden_size"],
        intermediate_size=text["intermediate_size"],
        num_heads=text["num_attention_heads"],
        layers=layers,
        sliding=AttentionConfig(
            kv_heads=text["num_key_value_heads"],
            head_dim=text["head_dim"],
            rope=_rope(rope["sliding_attention"]),
            window=text["sliding_window"],
        ),
        full=AttentionConfig(
            kv_heads=full["num_key_value_heads"],
            head_dim=full["head_dim"],
            rope=_rope(rope["full_attention"]),
            shared_kv=bool(text.get("attention_k_eq_v", True)),
        ),
        num_experts=text["num_experts"],
        top_k_experts=text["top_k_experts"],
        moe_intermediate_size=text["moe_intermediate_size"],
        max_position=text["max_position_embeddings"],
        canvas_length=canvas_length,
        rms_norm_eps=text.get("rms_norm_eps", 1e-6),
        # transformers leaves DiffusionGemma's own value out of the files that it saves.
        logit_softcap=text.get("final_logit_softcapping", 30.0 if kind == "diffusion" else None),
    )


def _full_attention_overrides(text: Mapping[str, Any]) -> dict[str, int]:
    """Head numbers of the full layers: global_* keys, or the per-layer overrides of newer files."""
    heads = {
        "head_dim": text.get("global_head_dim") or text["head_dim"],
        "num_key_value_heads": text.get("num_global_key_value_heads") or text["num_key_value_heads"],
    }
    for index, override in (text.get("per_layer_config") or {}).items():
        if text["layer_types"][int(index)] == "full_attention":
            heads.update({key: override[key] for key in heads if override.get(key)})
    return heads


def _rope(raw: Mapping[str, Any]) -> RopeConfig:
    if raw.get("rope_type", "default") not in ("default", "proportional"):
        raise CheckpointError(f"rope_type {raw['rope_type']!r} is not supported")
    return RopeConfig(theta=float(raw["rope_theta"]), partial=float(raw.get("partial_rotary_factor", 1.0)))
