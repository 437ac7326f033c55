"""A small random model of our own, its tokenizer, and a checkpoint of both."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.checkpoint.save import save_checkpoint
from agentfast.runtime.model.config import AttentionConfig, Kind, ModelConfig, RopeConfig

EOS = 1


def config(kind: Kind = "diffusion", *, shared_kv: bool = True) -> ModelConfig:
    """Two layers of each type."""
    return ModelConfig(
        kind=kind,
        vocab_size=260,
        hidden_size=24,
        intermediate_size=32,
        num_heads=4,
        layers=("sliding", "full", "sliding", "full"),
        sliding=AttentionConfig(kv_heads=2, head_dim=8, rope=RopeConfig(1e4), window=6),
        full=AttentionConfig(
            kv_heads=1, head_dim=16, rope=RopeConfig(1e6, partial=0.25), shared_kv=shared_kv
        ),
        num_experts=5,
        top_k_experts=2,
        moe_intermediate_size=12,
        max_position=128,
        canvas_length=8 if kind == "diffusion" else 256,
        rms_norm_eps=1e-5,
        logit_softcap=20.0,
    )


def model(kind: Kind = "diffusion", *, seed: int = 0, shared_kv: bool = True) -> BlockDiffusionModel:
    """Random weights, buffers too."""
    torch.manual_seed(seed)
    built = BlockDiffusionModel(config(kind, shared_kv=shared_kv))
    with torch.no_grad():
        for layer in built.layers:
            for name in ("encoder_scalar", "decoder_scalar") if kind == "diffusion" else ("encoder_scalar",):
                layer.get_buffer(name).uniform_(0.5, 1.5)
        for parameter in built.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return built.eval()


def tokenizer_json(directory: Path) -> Path:
    """<pad> <eos> and 256 bytes."""
    vocabulary = {"<pad>": 0, "<eos>": EOS}
    vocabulary |= {token: 2 + i for i, token in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<pad>", "<eos>"])
    path = directory / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def checkpoint(
    directory: Path, kind: Kind = "diffusion", dtype: torch.dtype = torch.float32
) -> BlockDiffusionModel:
    """Save a model there, and give it back."""
    saved = model(kind)
    directory.mkdir(exist_ok=True)
    save_checkpoint(saved, directory, tokenizer=tokenizer_json(directory), eos_ids=[EOS], dtype=dtype)
    return saved
