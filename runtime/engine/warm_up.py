"""Warm-up: runs of engines on tiny models that have all kernels compiled.

At a cold start a process beside the engine's runs it (see jit/cold_start.py), in the order in which the other one needs
what it compiles: that one begins with the kernels that compile grammars, so here the posterior comes first, on torch's
forward pass and a grammar made by hand, then the last steps of compiling grammars, then the fused forward pass, then
whatever is left.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tokenizers
import torch
from tokenizers import models

from agentfast.runtime.backends.registry import torch_backend
from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.core.fields import Field
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar.tokens.partition import common_refinement, partition_by, refine
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.grammar.tokens.trie import trie_of
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig, ModelConfig, RopeConfig
from agentfast.runtime.scheduling.request import Request

_NAMES = ("a", "b", "c", "<call>", "<eos>")
_CALL, _EOS = 3, 4
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "name": {"type": "string", "maxLength": 5},
        "kind": {"enum": ["a", "ab", "abc"]},
        "sizes": {"type": "array", "items": {"type": "number"}},
        "free": {"type": "string"},
    },
    "required": ["id", "name"],
}
_FIRST_SYMBOL = (Field("first", 0, 1, (b"a", b"b", b"c", b"\xff")),)


class _CallOrText(Grammar):
    """A call of one letter, or letters; lifted by hand, since lifting takes the kernels that this is not about."""

    def __init__(self) -> None:
        super().__init__(Grammar.text().node)

    def compile(self, vocabulary: Vocabulary, folder: Path | str | None = None) -> TokenGrammar:
        """States: 0 start, 1 in a call, 2 in a text, 3 before the end, 4 done. Classes are tokens, from 1."""
        return TokenGrammar(
            vocabulary=vocabulary,
            classes=TokenClasses(
                token_class=_ints(range(1, 6)),
                count=6,
                label_start=_ints([0, 6, 7, 10, 11]),
                label_class=_ints([0, 1, 2, 3, 4, 5, 4, 1, 2, 3, 5]),
            ),
            edge_start=_ints([0, 2, 3, 5, 6, 7]),
            edge_target=_ints([1, 2, 3, 2, 4, 4, 4]),
            edge_label=_ints([1, 2, 2, 2, 3, 3, 0]),
            distance=_ints([2, 2, 1, 1, 0]),
        )


def _ints(values: range | list[int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def _model(kind: Literal["diffusion", "autoregressive"]) -> BlockDiffusionModel:
    """As small as a model with every part can be; its weights do not matter."""
    config = ModelConfig(
        kind=kind,
        vocab_size=len(_NAMES),
        hidden_size=16,
        intermediate_size=16,
        num_heads=2,
        layers=("sliding", "full"),
        sliding=AttentionConfig(kv_heads=1, head_dim=8, rope=RopeConfig(theta=1e4), window=16),
        full=AttentionConfig(kv_heads=1, head_dim=8, rope=RopeConfig(theta=1e4), shared_kv=True),
        num_experts=2,
        top_k_experts=1,
        moe_intermediate_size=16,
        max_position=256,
        canvas_length=16,
    )
    torch.manual_seed(0)
    model = BlockDiffusionModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return model.requires_grad_(requires_grad=False)


def _tokenizer() -> Tokenizer:
    backend = tokenizers.Tokenizer(models.BPE({name: i for i, name in enumerate(_NAMES[:_CALL])}, []))
    backend.add_special_tokens(list(_NAMES[_CALL:]))
    return Tokenizer(backend, [_EOS])


async def generate(model: BlockDiffusionModel, *, on_torch: bool = False) -> None:
    """Generate from random weights with and without a grammar, drawn and likeliest, verified and judged as they are."""
    tokenizer = _tokenizer()
    for verify in (0.5, 0.0):
        generation = GenerationDefaults(max_denoising_steps=2, canvas_lengths=(8, 16), verify=verify)
        config = EngineConfig(generation=generation, cache_tokens=1024, threads=1)
        backend = torch_backend(model, config) if on_torch else None
        async with Engine(model, tokenizer, config, backend=backend) as engine:
            for temperature in (1.0, 0.0):
                for grammar, fields in ((_CallOrText(), _FIRST_SYMBOL), (None, None)):
                    prompt = tuple(range(_CALL)) * 15
                    await engine.submit(Request(prompt, 40, grammar, temperature=temperature, fields=fields))


def partition_tokens() -> None:
    """Partition and refine a small vocabulary by sets of tokens: the last things that compiling a grammar does."""
    vocabulary = _vocabulary()
    trie, starts, nodes = trie_of(vocabulary), _ints([0, 1, 2]), _ints([1, 2])
    partition = partition_by(starts, nodes, trie)
    refine(common_refinement([partition, partition], vocabulary.size), starts, nodes, trie)


def compile_grammar() -> None:
    """Compile a grammar for a small vocabulary."""
    compile_schema(_SCHEMA).compile(_vocabulary(), "")


def _vocabulary() -> Vocabulary:
    texts = [*(bytes([byte]) for byte in range(32, 127)), b'":', b'{"', b'","', b"ab", b"abc"]
    return Vocabulary((*texts, None), {"<eos>": len(texts)}, frozenset({len(texts)}))


def main() -> None:
    """Compile all kernels."""
    model = _model("diffusion")
    asyncio.run(generate(model, on_torch=True))
    partition_tokens()
    asyncio.run(generate(model))
    asyncio.run(generate(_model("autoregressive")))
    compile_grammar()
