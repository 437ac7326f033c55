"""A tokenizer trained on a page of JSON, and an engine whose model has random weights: knows nothing, runs anywhere."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import cache
from typing import TYPE_CHECKING

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from agentfast.runtime.core.tokenizer import Tokenizer

if TYPE_CHECKING:
    from agentfast.runtime.engine.engine import Engine

_TEXT = (
    '{"name":"find_order","arguments":{"id":1042,"status":"open"}}',
    '{"name": "send", "arguments": {"to": "ann@example.com", "body": "hello \\u00e9 \\"quoted\\"\\n"}}',
    '{\n  "value": 1,\n  "left": null,\n  "right": {\n    "value": 2.5e-3\n  }\n}',
    '[true,false,null,[],{},"",-1,0.125,"2024-02-29T10:00:00Z","P1DT2H","::ffff:1.2.3.4","https://a.example/b?c=d"]',
    '{"street":"1 Main Street","city":"München","zip":"80331","tags":["a","b"],"kind":"a"},{"op":"+","args":[1,2]}',
    "漢字かな 😀😀 naïve café",
)


@cache
def random_tokenizer() -> Tokenizer:
    """Byte-level BPE of some 500 tokens, many of which cross the borders of JSON's own tokens."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=520,
        special_tokens=["<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=12,
        show_progress=False,
    )
    backend.train_from_iterator(_TEXT, trainer)
    return Tokenizer(backend, [0])


@asynccontextmanager
async def random_engine(steps: int) -> AsyncGenerator[Engine]:
    """An engine over a model of random weights."""
    from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
    from agentfast.runtime.engine.engine import Engine
    from tests.support.tiny_model import tiny_model

    tokenizer = random_tokenizer()
    model = tiny_model(
        vocab_size=tokenizer.vocabulary.size,
        layers=("sliding", "full"),
        window=64,
        max_position=4096,
        canvas_length=64,
    )
    settings = EngineConfig(generation=GenerationDefaults(max_denoising_steps=steps))
    async with Engine(model, tokenizer, settings) as engine:
        yield engine
