"""Texts drawn from the grammars of requests to vLLM: random logits through the posterior, canvas after canvas."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import tokenizers
import torch
from tokenizers import decoders, models, pre_tokenizers, trainers

from agentfast.chat.gemma4 import CHANNEL_END, SPECIAL_TOKENS, Gemma4Chat
from agentfast.messages import AssistantMessage
from agentfast.models.local.rendering import SegmentCodec
from agentfast.runtime.adapters.vllm.requests.compiled import Grammars
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from agentfast.runtime.adapters.vllm.requests.read import constraint_of
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.grammar import TokenGrammar
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.exact import canvas_posterior

_TEXT = (
    "call:find{id:7,in:box,among:[a,true,null],at:{x:1.5}}",
    "thought\nThe user asks for the order.\n\nSo I call find, then I answer.",
    '{"name": "send", "arguments": {"to": "ann@example.com", "body": "hello \\u00e9 \\"quoted\\"\\n"}}',
    '{\n  "value": 1,\n  "left": null,\n  "right": {\n    "value": 2.5e-3\n  }\n}',
)


def gemma_backend() -> tokenizers.Tokenizer:
    """Byte-level BPE of some 400 tokens with Gemma 4's special tokens."""
    backend = tokenizers.Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<pad>", "<eos>", *SPECIAL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=10,
        show_progress=False,
    )
    backend.train_from_iterator(_TEXT, trainer)
    return backend


@cache
def gemma_tokenizer() -> Tokenizer:
    """The tokens; a turn ends as in the published checkpoint."""
    backend = gemma_backend()
    ends = ("<eos>", "<turn|>", "<|tool_response>")
    ids = [backend.token_to_id(end) for end in ends]
    return Tokenizer(backend, [index for index in ids if index is not None])


@cache
def grammars() -> Grammars:
    """The grammars of this tokenizer."""
    return Grammars(gemma_tokenizer())


def asked(extra: dict[str, Any] | None = None, **structured_outputs: Any) -> Constraint:
    """What a request asks for with these in `extra_args` and in `structured_outputs`."""
    outputs = SimpleNamespace(**structured_outputs) if structured_outputs else None
    found = constraint_of(SimpleNamespace(structured_outputs=outputs, extra_args={"agentfast": extra or {}}))
    assert found is not None
    return found


def drawn(grammar: TokenGrammar, seed: int, budget: int, canvas: int = 32, likes: str = "") -> list[int]:
    """Tokens of one output, without the end token; its end comes within the budget, or the test fails.

    Args:
        likes: a special token that the model would begin with.
    """
    random = np.random.default_rng(seed)
    state, left, tokens = grammar.start, budget, list[int]()
    while True:
        size = grammar.vocabulary.size
        logits = random.standard_normal((canvas, size), np.float32) * np.float32(3)
        if likes and not tokens:
            logits[0, grammar.vocabulary.special[likes]] += 100
        if seed % 2:  # a model that never wants to end, nor to end its thought
            logits[:, [*grammar.vocabulary.eos_ids, grammar.vocabulary.special[CHANNEL_END]]] -= 1e4
        row = CanvasRow(torch.from_numpy(logits), grammar, state, left, random.random(canvas))
        result = canvas_posterior([row])[0]
        if isinstance(result, Exception):
            raise result
        for token in result.sample[:left].tolist():
            state = grammar.advance(state, token)
            if grammar.is_done(state):
                return tokens
            tokens.append(token)
        left -= canvas
        assert left > 0, "the output did not end within its budget"


def parsed(tokens: Sequence[int]) -> AssistantMessage:
    """The turn, as our own reader reads it."""
    return Gemma4Chat().parse(list(SegmentCodec(gemma_tokenizer()).decode(tokens)))


def shown(tokens: Sequence[int]) -> str:
    """The text with its special tokens by name, which vLLM's parsers read."""
    return gemma_tokenizer().decode(tokens, skip_special=False)
