"""A tiny engine with random weights and a byte-level tokenizer of a chat format's: the worst case of a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from agentfast.chat.json import END, SPECIAL_TOKENS
from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.core.random_streams import PhiloxStreams
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.scheduling.request import Request
from bench.data.random_model import random_model


def byte_tokenizer(special: Sequence[str] = SPECIAL_TOKENS, ends: Sequence[str] = (END,)) -> Tokenizer:
    """256 byte tokens, then the special tokens, some of which end a turn."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = tokenizers.Tokenizer(models.BPE({char: index for index, char in enumerate(alphabet)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens(list(special))
    ids = [backend.token_to_id(end) for end in ends]
    return Tokenizer(backend, [index for index in ids if index is not None])


def tiny_model(vocab_size: int) -> BlockDiffusionModel:
    """Two layers of random weights."""
    return random_model(vocab_size, window=32, canvas_length=16)


def tiny_engine(
    seen: Callable[[Request], None] = lambda _: None, tokenizer: Tokenizer | None = None
) -> Engine:
    """The engine; `seen` is called with each request that it admits."""
    tokenizer = tokenizer or byte_tokenizer()
    size = tokenizer.vocabulary.size

    def draws(request: Request) -> PhiloxStreams:
        seen(request)
        return PhiloxStreams(request.seed, size)

    config = EngineConfig(generation=GenerationDefaults(max_denoising_steps=3))
    return Engine(tiny_model(size), tokenizer, config, streams=draws)
