"""A small model, a tokenizer of bytes and requests of many kinds, for tests of the engine."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers

from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig, Kind, ModelConfig, RopeConfig
from agentfast.runtime.scheduling.request import Completion, Request

VOCABULARY = 257
EOS = 256
WINDOW = 24
CANVAS = 16
GENERATION = GenerationDefaults(max_denoising_steps=5, confidence_threshold=0.5)
CONFIG = EngineConfig(generation=GENERATION, max_batch_tokens=256, cache_tokens=8192)
CALL = (
    Grammar.literal('{"n":')
    + (Grammar.literal("1") | Grammar.literal("2") | Grammar.literal("3")).repeat(1, 8)
    + Grammar.literal("}")
)
CALL_TOKENS = 8  # of the shortest, end token included
LONG = (Grammar.literal("1") | Grammar.literal("2")).repeat(250, 500)  # nobody can end it early


@cache
def byte_tokenizer() -> Tokenizer:
    """256 byte tokens and an end token."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(models.BPE({char: index for index, char in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(["<eos>"])
    return Tokenizer(backend, [EOS])


@cache
def small_model(kind: Kind = "diffusion") -> BlockDiffusionModel:
    """Random weights, scaled so that rounding errors die out rather than grow from step to step."""
    config = ModelConfig(
        kind=kind,
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_heads=4,
        layers=("sliding", "sliding", "full"),
        sliding=AttentionConfig(kv_heads=2, head_dim=8, rope=RopeConfig(1e4), window=WINDOW),
        full=AttentionConfig(kv_heads=1, head_dim=16, rope=RopeConfig(1e6, 0.25), shared_kv=True),
        num_experts=4,
        top_k_experts=2,
        moe_intermediate_size=16,
        max_position=1024,
        canvas_length=CANVAS,
    )
    generator = torch.Generator().manual_seed(1)
    model = BlockDiffusionModel(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter.shape[-1] ** -0.5, generator=generator)
            elif "post_" in name:
                parameter.fill_(0.4)
        for parameter in model.norm.parameters():
            parameter.mul_(2.0)
        model.embed_tokens.weight[EOS].mul_(1.5)
    return model.requires_grad_(requires_grad=False)


def some_requests(count: int, seed: int, *, shared: int = 40, grammar: bool = True) -> list[Request]:
    """Requests of unequal lengths, temperatures and programs, that share the first `shared` tokens."""
    rng = random.Random(seed)
    prefix = tuple(rng.randrange(256) for _ in range(shared))
    return [
        Request(
            prompt=prefix + tuple(rng.randrange(256) for _ in range(rng.randint(1, 50))),
            max_tokens=rng.randint(CALL_TOKENS, 50),
            grammar=CALL if grammar and rng.random() < 0.4 else None,
            seed=rng.randrange(1000),
            temperature=rng.choice([0.0, 1.0, 1.0, 1.5]),
            program=rng.choice([None, "a", "b"]),
        )
        for _ in range(count)
    ]


def texts(completions: Sequence[object]) -> list[object]:
    """What must not depend on scheduling: the tokens and how they ended, or the exception's type."""
    return [
        (result.tokens, result.finish_reason) if isinstance(result, Completion) else type(result)
        for result in completions
    ]
