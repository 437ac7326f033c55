"""Admission: from a request to a row, or to the reason why it can never run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from agentfast.errors import BudgetTooSmallError, CapacityError, ConfigError
from agentfast.runtime.confidence.field_probabilities import FieldLedger
from agentfast.runtime.confidence.field_reader import field_reader
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.core.random_streams import PhiloxStreams, RandomStreams
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.decoding.base import Decoder
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.kvcache.prefix_keys import block_keys
from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.scheduling.request import Request
from agentfast.runtime.scheduling.row import Row


class Admission:
    """Checks requests and prepares their rows, on the caller's side of the engine."""

    def __init__(
        self,
        model: ModelConfig,
        vocabulary: Vocabulary,
        decoder: Decoder,
        config: EngineConfig,
        streams: Callable[[Request], RandomStreams] | None,
    ) -> None:
        if vocabulary.size != model.vocab_size:
            raise ConfigError(
                f"the tokenizer has {vocabulary.size} tokens, the model {model.vocab_size}",
                hint="give the tokenizer the model's vocabulary size",
            )
        self._model = model
        self._vocabulary = vocabulary
        self._decoder = decoder
        self._config = config
        self._streams = streams

    async def admit(self, request: Request) -> Row:
        """Make the row of a request.

        Raises:
            ConfigError, CapacityError, BudgetTooSmallError, GrammarError: see `Engine.submit`.
        """
        if min(request.prompt) < 0 or max(request.prompt) >= self._model.vocab_size:
            raise ConfigError(f"the prompt holds token ids outside 0..{self._model.vocab_size - 1}")
        positions = self._decoder.max_kv_positions(request)
        self._check_capacity(request, positions, self._decoder.max_canvas_tokens(request))
        grammar = None if request.grammar is None else await self._lift(request.grammar)
        if grammar is not None and (needed := grammar.min_tokens(grammar.start)) > request.max_tokens:
            raise BudgetTooSmallError(needed, request.max_tokens)
        size = self._config.block_size
        streams = (
            self._streams(request) if self._streams else PhiloxStreams(request.seed, self._vocabulary.size)
        )
        fields = request.fields
        ledger = (
            None if fields is None else FieldLedger(field_reader(fields, self._vocabulary), self._vocabulary)
        )
        return Row(
            request=request,
            decoding=self._decoder.new_state(grammar, streams, ledger),
            max_kv_positions=positions,
            keys=block_keys(request.prompt, size) if self._config.prefix_cache else [],
            submitted=monotonic(),
        )

    def _check_capacity(self, request: Request, positions: int, canvas_tokens: int) -> None:
        asked = f"a prompt of {len(request.prompt)} tokens and {request.max_tokens} to generate"
        if positions + canvas_tokens > self._model.max_position:
            raise CapacityError(
                f"{asked} exceed the model's context of {self._model.max_position} positions",
                hint="shorten the prompt or lower max_tokens",
            )
        if positions > self._config.num_blocks * self._config.block_size:
            raise CapacityError(
                f"{asked} exceed the KV cache of {self._config.cache_tokens} positions",
                hint="raise cache_tokens",
            )

    async def _lift(self, grammar: Grammar) -> TokenGrammar:
        """Compile in a thread, so that a large schema does not hold up the event loop; known ones are at hand."""
        found = grammar.find_compiled(self._vocabulary)
        if found is not None:
            return found
        return await asyncio.to_thread(grammar.compile, self._vocabulary, self._config.grammar_cache)
