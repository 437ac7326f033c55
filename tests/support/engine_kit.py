"""Small engines over bytes and requests of many kinds, for tests of the engine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import Kind
from agentfast.runtime.scheduling.request import Completion, Request
from tests.support.byte_tokenizer import byte_tokenizer
from tests.support.tiny_model import tiny_model

VOCABULARY = 257
EOS = 256
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
def small_model(kind: Kind = "diffusion") -> BlockDiffusionModel:
    """The tiny model of a kind, which ends some texts itself; not to be changed."""
    return tiny_model(kind, likely=EOS)


def make_engine(
    model: BlockDiffusionModel | Kind = "diffusion", config: EngineConfig = CONFIG, **options: Any
) -> Engine:
    """An engine over the bytes: of a kind of model, or of a model that breaks.

    Args:
        options: other arguments of `Engine`.
    """
    return Engine(
        small_model(model) if isinstance(model, str) else model, byte_tokenizer(), config, **options
    )


@asynccontextmanager
async def checked_engine(
    model: BlockDiffusionModel | Kind = "diffusion", config: EngineConfig = CONFIG, **options: Any
) -> AsyncGenerator[Engine]:
    """`make_engine`, with checks of its books before and after it closes: in the end no row holds a KV block."""
    async with make_engine(model, config, **options) as engine:
        yield engine
        engine.check_integrity()
    engine.check_integrity()
    assert engine.blocks()["used"] == 0


async def complete(engine: Engine, requests: Iterable[Request]) -> list[Completion]:
    """Completions of requests that run together."""
    return await asyncio.gather(*map(engine.submit, requests))


async def outcomes(engine: Engine, requests: Iterable[Request]) -> list[Completion | BaseException]:
    """Completions of requests that run together, or their errors."""
    return await asyncio.gather(*map(engine.submit, requests), return_exceptions=True)


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
    """The part that must not depend on scheduling: tokens and the reason of their end, or the exception's type."""
    return [
        (result.tokens, result.finish_reason) if isinstance(result, Completion) else type(result)
        for result in completions
    ]
