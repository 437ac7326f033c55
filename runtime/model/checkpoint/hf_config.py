"""A checkpoint's `config.json`: read, refused where a variant is not supported, and written."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from agentfast.errors import CheckpointError, ConfigError
from agentfast.runtime.model.checkpoint.recognize import refuse_quantized
from agentfast.runtime.model.config import AttentionConfig, Kind, LayerType, ModelConfig, RopeConfig

_DIFFUSION = ("diffusion_gemma", "diffusion_gemma_text")
_AUTOREGRESSIVE = ("gemma4", "gemma4_text")
_LAYER_TYPES: dict[str, LayerType] = {"sliding_attention": "sliding", "full_attention": "full"}
_DEFAULT_ROPE: dict[str, dict[str, Any]] = {
    "sliding_attention": {"rope_theta": 1e4},
    "full_attention": {"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0.25},
}

# transformers builds no DiffusionGemma without a vision tower; this one has `vision_shapes` only.
SMALLEST_VISION: dict[str, Any] = {
    "model_type": "gemma4_vision",
    "num_hidden_layers": 0,
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 8,
    "patch_size": 1,
    "position_embedding_size": 1,
}


def vision_shapes(hidden_size: int) -> dict[str, tuple[int, ...]]:
    """The tensors of `SMALLEST_VISION` beside a text model of `hidden_size`, by their checkpoint names."""
    return {
        "model.encoder.vision_tower.patch_embedder.input_proj.weight": (8, 3),
        "model.encoder.vision_tower.patch_embedder.position_embedding_table": (2, 1, 8),
        "model.encoder.embed_vision.embedding_projection.weight": (hidden_size, 8),
    }


def read_config(raw: Mapping[str, Any]) -> ModelConfig:
    """Read a Hugging Face `config.json` of DiffusionGemma or of a Gemma 4 text model.

    Raises:
        CheckpointError: another architecture, or a variant of it that is not supported, named; or a number
            that is missing or senseless, named.
    """
    model_type = raw.get("model_type")
    if model_type not in _DIFFUSION + _AUTOREGRESSIVE:
        built = ", ".join(str(name) for name in raw.get("architectures") or ["no architecture named"])
        raise CheckpointError(
            f"model_type {model_type!r} ({built}) is not supported",
            hint="DiffusionGemma and Gemma 4 checkpoints are; ask a server for any other by OpenAIModel",
        )
    refuse_quantized(raw)
    text: Mapping[str, Any] = raw.get("text_config") or raw
    kind: Kind = "diffusion" if model_type in _DIFFUSION else "autoregressive"
    _refuse_variants(text, kind)
    try:
        return _from_text(text, kind, canvas_length=_number(raw, "canvas_length", 256))
    except ConfigError as error:
        raise CheckpointError(f"config.json: {error.message}") from error


def write_config(config: ModelConfig, *, eos_ids: Sequence[int], pad_id: int, dtype: str) -> dict[str, Any]:
    """The `config.json` from which `read_config` and transformers read this model.

    Raises:
        ConfigError: the architecture has no such variant.
    """
    text = _write_text(config) | {"eos_token_id": list(eos_ids), "pad_token_id": pad_id}
    if config.kind == "autoregressive":
        variant = {
            "model_type": "gemma4_text",
            "attention_k_eq_v": config.full.shared_kv,
            "enable_moe_block": True,
            "hidden_size_per_layer_input": 0,
        }
        return {"architectures": ["Gemma4ForCausalLM"], "dtype": dtype, **text, **variant}
    if not config.full.shared_kv:
        raise ConfigError("DiffusionGemma's full layers have one projection for keys and values (shared_kv)")
    return {
        "architectures": ["DiffusionGemmaForBlockDiffusion"],
        "model_type": "diffusion_gemma",
        "dtype": dtype,
        "canvas_length": config.canvas_length,
        "tie_word_embeddings": True,
        "text_config": {"model_type": "diffusion_gemma_text", **text},
        "vision_config": SMALLEST_VISION,
    }


def _write_text(config: ModelConfig) -> dict[str, Any]:
    full = {"head_dim": config.full.head_dim, "num_key_value_heads": config.full.kv_heads}
    return {
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": len(config.layers),
        "layer_types": [f"{layer}_attention" for layer in config.layers],
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.sliding.kv_heads,
        "head_dim": config.sliding.head_dim,
        "sliding_window": config.sliding.window,
        "per_layer_config": {str(i): full for i, layer in enumerate(config.layers) if layer == "full"},
        "rope_parameters": {
            "sliding_attention": _write_rope(config.sliding.rope),
            "full_attention": _write_rope(config.full.rope),
        },
        "num_experts": config.num_experts,
        "top_k_experts": config.top_k_experts,
        "moe_intermediate_size": config.moe_intermediate_size,
        "max_position_embeddings": config.max_position,
        "rms_norm_eps": config.rms_norm_eps,
        "final_logit_softcapping": config.logit_softcap,
        "hidden_activation": "gelu_pytorch_tanh",
        "tie_word_embeddings": True,
    }


def _write_rope(rope: RopeConfig) -> dict[str, Any]:
    if rope.partial == 1.0:
        return {"rope_type": "default", "rope_theta": rope.theta}
    return {"rope_type": "proportional", "rope_theta": rope.theta, "partial_rotary_factor": rope.partial}


def _refuse_variants(text: Mapping[str, Any], kind: Kind) -> None:
    refused = {
        "hidden_size_per_layer_input": "per-layer embeddings",
        "num_kv_shared_layers": "KV shared between layers",
        "use_double_wide_mlp": "double-wide MLPs",
        "attention_bias": "attention biases",
    }
    # A key that is left out has the default of transformers, which for Gemma 4 is one of the refused variants.
    defaults = {"hidden_size_per_layer_input": 256, "enable_moe_block": False} if kind != "diffusion" else {}
    for key, name in refused.items():
        if value := text.get(key, defaults.get(key)):
            raise CheckpointError(f"{name} ({key}={value!r}) are not supported")
    if text.get("use_bidirectional_attention") == "all":
        raise CheckpointError("bidirectional encoders (use_bidirectional_attention='all') are not supported")
    if not text.get("enable_moe_block", defaults.get("enable_moe_block", True)) or not text.get(
        "num_experts"
    ):
        raise CheckpointError("a dense model, without a mixture of experts, is not supported")
    if text.get("hidden_activation", "gelu_pytorch_tanh") != "gelu_pytorch_tanh":
        raise CheckpointError(f"hidden_activation {text['hidden_activation']!r} is not supported")
    if not text.get("tie_word_embeddings", True):
        raise CheckpointError("untied embeddings (tie_word_embeddings=false) are not supported")


def _from_text(text: Mapping[str, Any], kind: Kind, canvas_length: int) -> ModelConfig:
    layers = _layers(text)
    shared_kv = kind == "diffusion" or bool(text.get("attention_k_eq_v"))
    return ModelConfig(
        kind=kind,
        vocab_size=_number(text, "vocab_size"),
        hidden_size=_number(text, "hidden_size"),
        intermediate_size=_number(text, "intermediate_size"),
        num_heads=_number(text, "num_attention_heads"),
        layers=layers,
        sliding=AttentionConfig(
            kv_heads=_number(text, "num_key_value_heads"),
            head_dim=_number(text, "head_dim"),
            rope=_rope(text, "sliding_attention"),
            window=_number(text, "sliding_window"),
        ),
        full=_full_attention(text, layers, shared_kv),
        num_experts=_number(text, "num_experts"),
        top_k_experts=_number(text, "top_k_experts"),
        moe_intermediate_size=_number(text, "moe_intermediate_size"),
        max_position=_number(text, "max_position_embeddings"),
        canvas_length=canvas_length,
        rms_norm_eps=float(text.get("rms_norm_eps", 1e-6)),
        # transformers leaves DiffusionGemma's own value out of the files that it saves.
        logit_softcap=text.get("final_logit_softcapping", 30.0 if kind == "diffusion" else None),
    )


def _layers(text: Mapping[str, Any]) -> tuple[LayerType, ...]:
    given: Sequence[str] | None = text.get("layer_types")
    if given is None:
        count = _number(text, "num_hidden_layers")
        return tuple("full" if i % 6 == 5 or i == count - 1 else "sliding" for i in range(count))
    try:
        return tuple(_LAYER_TYPES[name] for name in given)
    except KeyError as unknown:
        raise CheckpointError(f"layer type {unknown} is not supported") from unknown


def _full_attention(
    text: Mapping[str, Any], layers: tuple[LayerType, ...], shared_kv: bool
) -> AttentionConfig:
    """The head numbers of the full layers: global_* keys, or the per-layer overrides of newer files."""
    kv_heads = text.get("num_global_key_value_heads") if shared_kv else None
    numbers: dict[str, Any] = {
        "head_dim": text.get("global_head_dim") or 512,
        "num_key_value_heads": kv_heads,
    }
    overrides: Mapping[str, dict[str, Any]] | None = text.get("per_layer_config")
    if overrides is not None:
        numbers = _one_override(overrides, layers) if overrides else {}
    return AttentionConfig(
        kv_heads=_number(numbers, "num_key_value_heads", _number(text, "num_key_value_heads")),
        head_dim=_number(numbers, "head_dim", _number(text, "head_dim")),
        rope=_rope(text, "full_attention"),
        shared_kv=shared_kv,
    )


def _one_override(overrides: Mapping[str, dict[str, Any]], layers: tuple[LayerType, ...]) -> dict[str, Any]:
    """The one override that all full layers share; refused if any other layer has one."""
    full = {str(i) for i, layer in enumerate(layers) if layer == "full"}
    values = list(overrides.values())
    same = all(value == values[0] for value in values)
    if not same or set(overrides) != full or not set(values[0]) <= {"head_dim", "num_key_value_heads"}:
        raise CheckpointError(
            "per_layer_config may set head_dim and num_key_value_heads only, alike in all full layers"
        )
    return values[0]


def _rope(text: Mapping[str, Any], layer_type: str) -> RopeConfig:
    given: Mapping[str, Any] = (text.get("rope_parameters") or _DEFAULT_ROPE).get(layer_type) or {}
    kind, partial = given.get("rope_type", "default"), float(given.get("partial_rotary_factor", 1.0))
    if kind not in ("default", "proportional") or float(given.get("factor", 1.0)) != 1.0:
        raise CheckpointError(f"rope {dict(given)!r} of {layer_type} is not supported")
    if kind == "default" and partial != 1.0:
        raise CheckpointError(f"partial rope of {layer_type} is supported as rope_type 'proportional' only")
    return RopeConfig(theta=_positive(given, "rope_theta"), partial=partial)


def _number(raw: Mapping[str, Any], key: str, default: int | None = None) -> int:
    value = _positive(raw, key, default)
    if value != int(value):
        raise CheckpointError(f"config.json: {key} is {value!r}, not a whole number")
    return int(value)


def _positive(raw: Mapping[str, Any], key: str, default: float | None = None) -> float:
    value = raw.get(key)
    value = default if value is None else value
    if value is None:
        raise CheckpointError(f"config.json lacks {key!r}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise CheckpointError(f"config.json: {key} is {value!r}, not a positive number")
    return value
