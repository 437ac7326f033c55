"""Tiny models of transformers with random weights, saved by transformers itself: the reference."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any, cast

import torch

from tests.support.byte_tokenizer import byte_backend
from tests.support.tiny_model import roughen

transformers = cast("Any", importlib.import_module("transformers"))

VOCABULARY = 272  # <pad> <eos> <bos>, 256 bytes, and a few unused ids
EOS = 1
CANVAS = 8

TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"],
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "num_global_key_value_heads": 1,
    "global_head_dim": 32,
    "sliding_window": 6,
    "num_experts": 6,
    "top_k_experts": 2,
    "moe_intermediate_size": 24,
    "max_position_embeddings": 512,
}
GEMMA4: dict[str, Any] = TEXT | {
    "enable_moe_block": True,
    "hidden_size_per_layer_input": 0,
    "attention_k_eq_v": True,
    "final_logit_softcapping": 30.0,
}
VISION: dict[str, Any] = {
    "model_type": "gemma4_vision",
    "num_hidden_layers": 1,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "patch_size": 2,
    "position_embedding_size": 4,
}


def diffusion_gemma(seed: int = 0, canvas: int = CANVAS, **text: Any) -> Any:
    """A DiffusionGemmaForBlockDiffusion."""
    config = transformers.DiffusionGemmaConfig(
        text_config=TEXT | text, vision_config=dict(VISION), canvas_length=canvas
    )
    return _rough(transformers.DiffusionGemmaForBlockDiffusion(config), seed)


def gemma4_text(seed: int = 0, **text: Any) -> Any:
    """A Gemma4ForCausalLM."""
    return _rough(transformers.Gemma4ForCausalLM(transformers.Gemma4TextConfig(**GEMMA4 | text)), seed)


def gemma4_with_images(seed: int = 0, **text: Any) -> Any:
    """A Gemma4ForConditionalGeneration, text model and vision tower."""
    config = transformers.Gemma4Config(
        text_config=GEMMA4 | text, vision_config=dict(VISION), audio_config=None
    )
    return _rough(transformers.Gemma4ForConditionalGeneration(config), seed)


def _rough(model: Any, seed: int) -> Any:
    roughen(model, seed)
    return model.eval()


def save(model: Any, directory: Path, **options: Any) -> Path:
    """The checkpoint directory of a model, with a tokenizer of bytes."""
    model.save_pretrained(directory, **options)
    byte_backend(first=("<pad>", "<eos>", "<bos>")).save(str(directory / "tokenizer.json"))
    return directory


def ids(count: int, seed: int) -> list[int]:
    """Random tokens."""
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(0, VOCABULARY, (count,), generator=generator)
    return [int(token) for token in tokens]


def cached(cache: Any) -> dict[str, Any]:
    """Keyword argument of the cache of a DiffusionGemma model of transformers: its name changed in 5.24."""
    parameters = inspect.signature(transformers.DiffusionGemmaForBlockDiffusion.forward).parameters
    return {"cache" if "cache" in parameters else "past_key_values": cache}
