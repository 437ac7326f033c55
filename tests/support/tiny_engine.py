"""An engine for agents: a tiny model with random weights, the worst case, and the special tokens of a chat format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agentfast.chat.json import END, SPECIAL_TOKENS
from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.core.random_streams import PhiloxStreams
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.scheduling.request import Request
from tests.support.byte_tokenizer import byte_tokenizer
from tests.support.tiny_model import tiny_model


def chat_tokenizer() -> Tokenizer:
    """The bytes and the special tokens of the JSON chat format."""
    return byte_tokenizer(tuple(SPECIAL_TOKENS), (END,))


def tiny_engine(
    seen: Callable[[Request], None] = lambda _: None,
    tokenizer: Tokenizer | None = None,
    *,
    double: bool = False,
    **config: Any,
) -> Engine:
    """An engine that takes three denoising steps at most.

    Args:
        seen: called with each request that the engine admits.
        double: compute in float64, so that no rounding decides.
        config: other fields of `EngineConfig`.
    """
    tokenizer = tokenizer or chat_tokenizer()
    size = tokenizer.vocabulary.size

    def streams(request: Request) -> PhiloxStreams:
        seen(request)
        return PhiloxStreams(request.seed, size)

    model = tiny_model(vocab_size=size, layers=("sliding", "full"), window=32, max_position=4096)
    settings = EngineConfig(generation=GenerationDefaults(max_denoising_steps=3), **config)
    return Engine(model.double() if double else model, tokenizer, settings, streams=streams)
