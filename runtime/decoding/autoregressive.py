"""One token at a time, behind the same interface: the same cache, scheduler, batches and grammars."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from agentfast.errors import EngineError, GrammarError
from agentfast.runtime.backends.base import Forward
from agentfast.runtime.confidence.evidence import choices_of
from agentfast.runtime.confidence.field_probabilities import FieldLedger
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.random_streams import RandomStreams
from agentfast.runtime.decoding.base import Outcome, not_finite
from agentfast.runtime.decoding.state import AutoregressiveState
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.posterior.unconstrained import invert
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.request import FinishReason, Request
from agentfast.runtime.scheduling.row import Row


class AutoregressiveDecoder:
    """Samples a token per step. Tokens that a grammar forces are taken without asking the model.

    A run of forced tokens is encoded together with the token before it, so it costs no step of its own.
    """

    def __init__(self, generation: GenerationDefaults, eos_ids: frozenset[int]) -> None:
        self._generation = generation
        self._eos_ids = eos_ids

    def max_canvas_tokens(self, request: Request) -> int:
        return 0

    def max_kv_positions(self, request: Request) -> int:
        return len(request.prompt) + request.max_tokens - 1

    def new_state(
        self, grammar: TokenGrammar | None, streams: RandomStreams, ledger: FieldLedger | None
    ) -> AutoregressiveState:
        return AutoregressiveState(grammar, streams, ledger)

    def start(self, row: Row) -> Outcome | None:
        row.wants_next_logits = True
        state = AutoregressiveState.of(row)
        try:
            finish = self._take_forced(row, state)
            if finish is not None:
                state.judge_choices(row)
        except (EngineError, GrammarError) as error:
            return Outcome(row, error=error)
        return None if finish is None else Outcome(row, committed=True, finish=finish)

    @torch.inference_mode()
    def update(self, batch: Batch, forward: Forward) -> list[Outcome]:
        outcomes: list[Outcome] = []
        rows: list[Row] = []
        lines: list[int] = []
        line = 0
        for part, finite in zip(batch.rows, forward.finite, strict=True):
            if not finite:
                outcomes.append(not_finite(part.row))
            elif part.decode:
                rows.append(part.row)
                lines.append(line)
            line += part.decode
        if rows:
            tokens = self._sample(rows, forward.next_logits[lines])
            outcomes += [self._advance(row, token) for row, token in zip(rows, tokens, strict=True)]
        return outcomes

    def _sample(self, rows: list[Row], logits: Tensor) -> list[int]:
        """The next token of each row, from its logits [R, V]."""
        states = [AutoregressiveState.of(row) for row in rows]
        for i, state in enumerate(states):
            if state.allowed is not None:
                logits[i].masked_fill_(~torch.from_numpy(state.allowed).to(logits.device), float("-inf"))
        tokens = _ints(logits.argmax(dim=-1))
        temperatures = [self._generation.temperature * row.request.temperature for row in rows]
        drawn = [i for i, temperature in enumerate(temperatures) if temperature]
        if drawn:
            scale = torch.tensor([temperatures[i] for i in drawn], device=logits.device)
            uniforms = np.concatenate([states[i].streams.uniforms(1) for i in drawn])
            p = torch.softmax(logits[drawn] / scale[:, None], dim=-1)
            found = _ints(invert(p, torch.from_numpy(uniforms).to(p.device)))
            for i, token in zip(drawn, found, strict=True):
                tokens[i] = token
        for i, (row, state) in enumerate(zip(rows, states, strict=True)):
            if state.ledger is not None and state.grammar is not None:
                line, taken = logits[i : i + 1], tokens[i : i + 1]
                state.choices += choices_of(line, taken, state.grammar, [state.grammar_state], row.budget)
        return tokens

    def _advance(self, row: Row, token: int) -> Outcome:
        state = AutoregressiveState.of(row)
        state.steps += 1
        try:
            finish = self._take(row, state, token) or self._take_forced(row, state)
            if finish is not None:
                state.judge_choices(row)
        except (EngineError, GrammarError) as error:
            return Outcome(row, error=error)
        return Outcome(row, committed=True, finish=finish)

    def _take(self, row: Row, state: AutoregressiveState, token: int) -> FinishReason | None:
        if state.grammar is not None:
            state.grammar_state = state.grammar.advance(state.grammar_state, token)
        if token in self._eos_ids:
            return "stop"
        row.tokens.append(token)
        return None if row.budget else "length"

    def _take_forced(self, row: Row, state: AutoregressiveState) -> FinishReason | None:
        """Take tokens as long as the grammar leaves one choice; then note what it allows next."""
        finish: FinishReason | None = None
        while state.grammar is not None and finish is None:
            state.allowed = state.grammar.allowed(state.grammar_state, row.budget)
            choices = np.flatnonzero(state.allowed)
            if len(choices) == 0:
                raise GrammarError("the grammar allows no token here")
            if len(choices) > 1:
                break
            if state.ledger is not None:
                state.choices.append(None)
            finish = self._take(row, state, int(choices[0]))
        return finish


def _ints(tensor: Tensor) -> list[int]:
    return cast(list[int], tensor.tolist())
