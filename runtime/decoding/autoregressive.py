"""One token at a time, behind the same interface: the same cache, scheduler, batches and grammars."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor

from agentfast.errors import EngineError, GrammarError
from agentfast.runtime.backends.runner import Forward
from agentfast.runtime.confidence.evidence import choices_of
from agentfast.runtime.confidence.ledger import judge_choices
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.request import FinishReason, Request, Row
from agentfast.runtime.decoding.base import Outcome, not_finite
from agentfast.runtime.posterior.unconstrained import invert
from agentfast.runtime.scheduling.scheduler import Batch


class AutoregressiveDecoder:
    """Samples a token per step. Tokens that a grammar forces are taken without asking the model.

    A run of forced tokens is encoded together with the token before it, so it costs no step of its own.
    """

    def __init__(self, generation: GenerationDefaults, eos_ids: frozenset[int]) -> None:
        self._generation = generation
        self._eos_ids = eos_ids

    def canvas_tokens(self, request: Request) -> int:
        return 0

    def reach(self, request: Request) -> int:
        return len(request.prompt) + request.max_tokens - 1

    def start(self, row: Row) -> Outcome | None:
        try:
            finish = self._take_forced(row)
            if finish is not None:
                judge_choices(row)
        except (EngineError, GrammarError) as error:
            return Outcome(row, error=error)
        return None if finish is None else Outcome(row, committed=True, finish=finish)

    @torch.inference_mode()
    def update(self, batch: Batch, forward: Forward) -> list[Outcome]:
        outcomes: list[Outcome] = []
        rows: list[Row] = []
        lines: list[int] = []
        line = 0
        for work, finite in zip(batch.works, forward.finite, strict=True):
            if not finite:
                outcomes.append(not_finite(work.row))
            elif work.decode:
                rows.append(work.row)
                lines.append(line)
            line += work.decode
        if rows:
            tokens = self._sample(rows, forward.ahead[lines])
            outcomes += [self._advance(row, token) for row, token in zip(rows, tokens, strict=True)]
        return outcomes

    def _sample(self, rows: list[Row], logits: Tensor) -> list[int]:
        """The next token of each row, from its logits [R, V]."""
        for i, row in enumerate(rows):
            if row.allowed is not None:
                logits[i].masked_fill_(~torch.from_numpy(row.allowed).to(logits.device), float("-inf"))
        tokens = _ints(logits.argmax(dim=-1))
        temperatures = [self._generation.temperature * row.request.temperature for row in rows]
        drawn = [i for i, temperature in enumerate(temperatures) if temperature]
        if drawn:
            scale = torch.tensor([temperatures[i] for i in drawn], device=logits.device)
            uniforms = np.concatenate([rows[i].draws.uniforms(1) for i in drawn])
            p = torch.softmax(logits[drawn] / scale[:, None], dim=-1)
            found = _ints(invert(p, torch.from_numpy(uniforms).to(p.device)))
            for i, token in zip(drawn, found, strict=True):
                tokens[i] = token
        for i, row in enumerate(rows):
            if row.ledger is not None and row.grammar is not None:
                row.choices += choices_of(
                    logits[i : i + 1], tokens[i : i + 1], row.grammar, [row.state], row.budget
                )
        return tokens

    def _advance(self, row: Row, token: int) -> Outcome:
        row.steps += 1
        try:
            finish = self._take(row, token) or self._take_forced(row)
            if finish is not None:
                judge_choices(row)
        except (EngineError, GrammarError) as error:
            return Outcome(row, error=error)
        return Outcome(row, committed=True, finish=finish)

    def _take(self, row: Row, token: int) -> FinishReason | None:
        if row.grammar is not None:
            row.state = row.grammar.advance(row.state, token)
        if token in self._eos_ids:
            return "stop"
        row.tokens.append(token)
        return None if row.budget else "length"

    def _take_forced(self, row: Row) -> FinishReason | None:
        """Take tokens as long as the grammar leaves one choice; then note what it allows next."""
        finish: FinishReason | None = None
        while row.grammar is not None and finish is None:
            row.allowed = row.grammar.allowed(row.state, row.budget)
            choices = np.flatnonzero(row.allowed)
            if len(choices) == 0:
                raise GrammarError("the grammar allows no token here")
            if len(choices) > 1:
                break
            if row.ledger is not None:
                row.choices.append(None)
            finish = self._take(row, int(choices[0]))
        return finish


def _ints(tensor: Tensor) -> list[int]:
    return cast(list[int], tensor.tolist())
