"""config.json: the published checkpoints' numbers are read, other architectures refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import CheckpointError, ConfigError
from agentfast.runtime.model.checkpoint.hf_config import read_config, write_config
from agentfast.runtime.model.config import AttentionConfig, ModelConfig, RopeConfig
from tests.support.checkpoints import rough_model

LAYERS = (["sliding_attention"] * 5 + ["full_attention"]) * 5
TEXT: dict[str, Any] = {
    "model_type": "diffusion_gemma_text",
    "vocab_size": 262_144,
    "hidden_size": 2816,
    "intermediate_size": 2112,
    "num_hidden_layers": 30,
    "layer_types": LAYERS,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 256,
    "num_global_key_value_heads": 2,
    "global_head_dim": 512,
    "sliding_window": 1024,
    "rope_parameters": {
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
        "full_attention": {"rope_type": "proportional", "rope_theta": 1e6, "partial_rotary_factor": 0.25},
    },
    "num_experts": 128,
    "top_k_experts": 8,
    "moe_intermediate_size": 704,
    "max_position_embeddings": 262_144,
    "rms_norm_eps": 1e-6,
    "final_logit_softcapping": 30.0,
    "tie_word_embeddings": True,
    "hidden_activation": "gelu_pytorch_tanh",
    "use_bidirectional_attention": "vision",
}
GEMMA4 = TEXT | {
    "model_type": "gemma4_text",
    "attention_k_eq_v": True,
    "enable_moe_block": True,
    "hidden_size_per_layer_input": 0,
    "num_kv_shared_layers": 0,
}


def diffusion(**text: Any) -> dict[str, Any]:
    """A config.json with changes to its text model."""
    return {"model_type": "diffusion_gemma", "canvas_length": 256, "text_config": TEXT | text}


def gemma4(**text: Any) -> dict[str, Any]:
    """The same of Gemma 4."""
    return {"model_type": "gemma4", "text_config": GEMMA4 | text}


@pytest.mark.parametrize("raw", [diffusion(), gemma4(), GEMMA4])
def test_the_26b_models_are_read(raw: dict[str, Any]) -> None:
    config = read_config(raw)
    assert config.kind == ("diffusion" if raw["model_type"] == "diffusion_gemma" else "autoregressive")
    assert [i for i, layer in enumerate(config.layers) if layer == "full"] == [5, 11, 17, 23, 29]
    assert config.attention(0) == AttentionConfig(8, 256, RopeConfig(1e4), window=1024)
    assert config.attention(5) == AttentionConfig(2, 512, RopeConfig(1e6, partial=0.25), shared_kv=True)
    assert (config.num_experts, config.top_k_experts, config.moe_intermediate_size) == (128, 8, 704)
    assert (config.canvas_length, config.logit_softcap, config.max_position) == (256, 30.0, 262_144)


def test_head_numbers_may_come_per_layer() -> None:
    full = {"head_dim": 128, "num_key_value_heads": 4}
    per_layer = {str(i): full for i, layer in enumerate(LAYERS) if layer == "full_attention"}
    raw = diffusion(per_layer_config=per_layer)
    del raw["text_config"]["global_head_dim"], raw["text_config"]["num_global_key_value_heads"]
    config = read_config(raw)
    assert (config.full.head_dim, config.full.kv_heads) == (128, 4)


def test_what_is_left_out_has_the_default_of_transformers() -> None:
    raw = diffusion(rms_norm_eps=1e-5)
    for key in ("layer_types", "rope_parameters", "final_logit_softcapping", "global_head_dim"):
        del raw["text_config"][key]
    expected = read_config(diffusion(rms_norm_eps=1e-5))
    assert read_config(raw) == expected


def test_without_k_eq_v_gemma4_has_plain_heads_in_full_layers() -> None:
    full = read_config(gemma4(attention_k_eq_v=False)).full
    assert (full.kv_heads, full.shared_kv) == (8, False)


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "model_type None"),
        ({"model_type": "llama"}, "model_type 'llama'"),
        (diffusion() | {"quantization_config": {"bits": 4}}, "quantized"),
        (gemma4(hidden_size_per_layer_input=256), "per-layer embeddings"),
        ({"model_type": "gemma4", "text_config": {}}, "per-layer embeddings"),
        (gemma4(num_kv_shared_layers=2), "KV shared between layers"),
        (gemma4(enable_moe_block=False), "dense model"),
        (gemma4(use_double_wide_mlp=True), "double-wide"),
        (diffusion(num_experts=None), "dense model"),
        (diffusion(attention_bias=True), "attention biases"),
        (diffusion(use_bidirectional_attention="all"), "bidirectional encoders"),
        (diffusion(hidden_activation="silu"), "'silu'"),
        (diffusion(tie_word_embeddings=False), "untied"),
        (diffusion(layer_types=["sliding_attention", "mamba"]), "'mamba'"),
        (diffusion(layer_types=["full_attention", "sliding_attention"]), "last layer"),
        (diffusion(hidden_size=None), "lacks 'hidden_size'"),
        (diffusion(hidden_size="wide"), "hidden_size is 'wide'"),
        (diffusion(hidden_size=2816.5), r"hidden_size is 2816\.5"),
        (diffusion(hidden_size=True), "hidden_size is True"),
        (diffusion(vocab_size=-1), "vocab_size is -1"),
        (diffusion(num_key_value_heads=3), "16 query heads"),
        (diffusion(top_k_experts=129), "129 of 128"),
        (diffusion(head_dim=255), "head_dim is 255"),
        (diffusion(per_layer_config={"0": {"head_dim": 8}}), "per_layer_config"),
        (
            diffusion(layer_types=["full_attention"], per_layer_config={"0": {"hidden_size": 8}}),
            "per_layer_config",
        ),
        (
            diffusion(rope_parameters={"full_attention": TEXT["rope_parameters"]["full_attention"]}),
            "rope_theta",
        ),
        (
            diffusion(rope_parameters={"sliding_attention": {"rope_type": "yarn", "rope_theta": 1e4}}),
            "'yarn'",
        ),
        (
            diffusion(
                rope_parameters={"sliding_attention": {"rope_theta": 1e4, "partial_rotary_factor": 0.5}}
            ),
            "partial rope",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_architectures_and_senseless_numbers_are_refused_by_name(
    raw: dict[str, Any], named: str
) -> None:
    with pytest.raises(CheckpointError, match=named):
        read_config(raw)


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
def test_what_is_written_is_read_again(kind: Any) -> None:
    config = rough_model(kind).config
    assert read_config(write_config(config, eos_ids=[1], pad_id=0, dtype="float32")) == config


def test_layers_without_a_window_cannot_slide() -> None:
    raw = diffusion(sliding_window=None)
    with pytest.raises(CheckpointError, match="sliding_window"):
        read_config(raw)
    plain = AttentionConfig(kv_heads=2, head_dim=8, rope=RopeConfig(1e4))
    with pytest.raises(ConfigError, match="window"):
        ModelConfig("diffusion", 8, 8, 8, 2, ("full",), plain, plain, 2, 1, 8, 64)
