"""Checkpoint directories of tiny models in which each tensor has values of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from agentfast.runtime.model.config import Kind
from tests.support.byte_tokenizer import byte_backend
from tests.support.tiny_model import tiny_model

EOS = 1
SHAPE: dict[str, Any] = {
    "vocab_size": 260,  # two ids without a token
    "layers": ("sliding", "full", "sliding", "full"),
    "window": 6,
    "num_experts": 5,
    "max_position": 128,
    "rms_norm_eps": 1e-5,
    "logit_softcap": 20.0,
}
"""Numbers of `tiny_config` that are mostly no defaults of `ModelConfig`."""


def rough_model(kind: Kind = "diffusion", *, seed: int = 0, **shape: Any) -> BlockDiffusionModel:
    """A tiny model of `SHAPE`, changed by `shape`."""
    canvas = {"canvas_length": 8} if kind == "diffusion" else {}
    return tiny_model(kind, seed=seed, rough=True, **SHAPE | canvas | shape)


def tokenizer_json(directory: Path) -> Path:
    """Save a tokenizer of <pad>, <eos> and the bytes."""
    path = directory / "tokenizer.json"
    byte_backend(first=("<pad>", "<eos>")).save(str(path))
    return path


def save_rough_model(
    directory: Path, kind: Kind = "diffusion", dtype: torch.dtype = torch.float32
) -> BlockDiffusionModel:
    """Save a rough model in a directory, and return it."""
    saved = rough_model(kind)
    directory.mkdir(exist_ok=True)
    save_checkpoint(saved, directory, tokenizer=tokenizer_json(directory), eos_ids=[EOS], dtype=dtype)
    return saved
