"""A tiny engine with random weights and a byte-level tokenizer of the JSON chat format: the worst case of a model."""

from __future__ import annotations

from collections.abc import Callable

import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers

from agentfast.chat.json import END, SPECIAL_TOKENS
from agentfast.runtime.draws import SeededDraws
from agentfast.runtime.engine import Engine
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig, ModelConfig, RopeConfig
from agentfast.runtime.request import Request
from agentfast.runtime.settings import EngineConfig, GenerationDefaults
from agentfast.runtime.tokenizer import Tokenizer


def byte_tokenizer() -> Tokenizer:
    """256 byte tokens, then the special tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(models.BPE({char: index for index, char in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(list(SPECIAL_TOKENS))
    end = backend.token_to_id(END)
    assert end is not None
    return Tokenizer(backend, [end])


def tiny_model(vocab_size: int) -> BlockDiffusionModel:
    """Two layers of random weights."""
    config = ModelConfig(
        kind="diffusion",
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=32,
        num_heads=2,
        layers=("sliding", "full"),
        sliding=AttentionConfig(kv_heads=1, head_dim=16, rope=RopeConfig(1e4), window=32),
        full=AttentionConfig(kv_heads=1, head_dim=16, rope=RopeConfig(1e6, 0.25), shared_kv=True),
        num_experts=4,
        top_k_experts=2,
        moe_intermediate_size=16,
        max_position=4096,
        canvas_length=16,
    )
    torch.manual_seed(0)
    model = BlockDiffusionModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    return model.requires_grad_(requires_grad=False)


def tiny_engine(seen: Callable[[Request], None] = lambda _: None) -> Engine:
    """The engine; `seen` is called with each request that it admits."""
    tokenizer = byte_tokenizer()
    size = tokenizer.vocabulary.size

    def draws(request: Request) -> SeededDraws:
        seen(request)
        return SeededDraws(request.seed, size)

    config = EngineConfig(generation=GenerationDefaults(max_denoising_steps=3))
    return Engine(tiny_model(size), tokenizer, config, draws=draws)
