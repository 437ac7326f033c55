"""Verification of drafts: settled canvases that the causal pass checks before their tokens are final; see acceptance.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.errors import EngineError, GrammarError
from agentfast.runtime.confidence.evidence import choices_of
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.decoding.acceptance import Verdict, verify_tokens
from agentfast.runtime.decoding.base import Outcome
from agentfast.runtime.decoding.state import CanvasState, DiffusionState, Draft
from agentfast.runtime.scheduling.request import FinishReason
from agentfast.runtime.scheduling.row import Row

SPARE_TOKENS = 4
"""Tokens that a canvas may take more than those it replaces."""


class Verifier:
    """Appends drafts to rows, to be encoded by the next pass, and verifies them by its logits.

    A draft that does not end the row is encoded together with the first step of the next canvas, as if it stood.
    """

    def __init__(
        self,
        generation: GenerationDefaults,
        eos_ids: frozenset[int],
        open_canvas: Callable[[Row, int, int | None], None],
    ) -> None:
        """
        Args:
            open_canvas: gives a row a canvas of noise: its index, and how many tokens are expected if that is known.
        """
        self._generation = generation
        self._eos_ids = eos_ids
        self._open_canvas = open_canvas

    def append(self, row: Row, draft: Draft, after: int) -> None:
        """Append a draft to a row. `after`: the grammar's state after it."""
        state = DiffusionState.of(row)
        state.set_draft(row, draft)
        row.tokens.extend(draft.tokens[: draft.length])
        state.grammar_state = after
        if draft.ended or not row.budget:
            state.show_canvas(row, None)
        else:
            self._open_canvas(row, draft.canvas.index + 1, None)

    def verify(self, row: Row, next_logits: Tensor | None = None) -> Outcome:
        """Accept or correct a row's draft.

        Args:
            next_logits: [R, V], those after each token that the pass encoded: the tokens before the draft, if any, and
                its own. None: the draft is an end only, and nothing was encoded.

        Returns:
            An outcome without steps if the draft stands and the row goes on with the canvas it has.
        """
        state = DiffusionState.of(row)
        draft = state.draft
        assert draft is not None
        predicted = _predicted(state, draft, next_logits)
        budget = row.budget + draft.length
        verdict = verify_tokens(
            predicted[: len(draft.tokens)],
            draft.tokens,
            state.grammar,
            draft.grammar_state,
            budget,
            self._shares(state, draft),
        )
        _keep_choices(state, draft, verdict, predicted, budget)
        final = row.final_tokens
        state.set_draft(row, None)
        if verdict.correction is None:
            state.next_logits = predicted[-1].clone()
            return self._accept(row, state, draft)
        del row.tokens[final + verdict.stands :]
        state.next_logits, state.grammar_state = None, int(verdict.states[-1])
        return self._correct(row, state, draft, verdict.stands, verdict.correction)

    def _shares(self, state: DiffusionState, draft: Draft) -> NDArray[np.float32]:
        """Share of the likeliest token's probability that each token of a draft needs to stand."""
        if state.rejections >= self._generation.max_reopenings:
            return np.zeros(len(draft.tokens), np.float32)
        return np.where(draft.sure, self._generation.verify, 1.0).astype(np.float32)

    def _accept(self, row: Row, state: DiffusionState, draft: Draft) -> Outcome:
        state.canvases += 1
        if draft.ended or not row.budget:
            return _finished(row, draft.canvas, "stop" if draft.ended else "length")
        return Outcome(row, draft.canvas, committed=True, steps=0)

    def _correct(
        self, row: Row, state: DiffusionState, draft: Draft, stands: int, correction: int
    ) -> Outcome:
        encoded = len(row.tokens)
        state.rejections += 1
        draft.canvas.best = np.array([*draft.tokens[:stands], correction], np.int64)
        draft.canvas.accepted = np.ones(stands + 1, np.bool_)
        ends = correction in self._eos_ids
        if not ends:
            row.tokens.append(correction)
            if state.grammar is not None:
                state.grammar_state = state.grammar.advance(state.grammar_state, correction)
        if ends or not row.budget:
            state.canvases += 1
            return _finished(row, draft.canvas, "stop" if ends else "length", encoded)
        rest = draft.tokens[stands + 1 :]
        after = _state_after(row, state, rest) if draft.fresh and rest else None
        if after is not None:
            # They were denoised beside another token than the one that is before them now.
            unsure = np.zeros(len(rest), np.bool_)
            canvas = replace(
                draft.canvas, start=row.generated, best=np.array(rest, np.int64), accepted=~unsure
            )
            remaining = Draft(rest, state.grammar_state, draft.ended, canvas, unsure, fresh=False)
            self.append(row, remaining, after)
        else:
            self._open_canvas(row, draft.canvas.index + 1, len(rest) + SPARE_TOKENS if draft.ended else None)
        return Outcome(row, draft.canvas, encoded=encoded)


def _keep_choices(
    state: DiffusionState, draft: Draft, verdict: Verdict, predicted: Tensor, budget: int
) -> None:
    """Keep the distributions that the final tokens were taken from, for the probabilities of fields."""
    if state.ledger is None or state.grammar is None:
        return
    tokens = draft.tokens[: verdict.stands]
    if verdict.correction is not None:
        tokens = [*tokens, verdict.correction]
    state.choices += choices_of(
        predicted[: len(tokens)], tokens, state.grammar, verdict.states[: len(tokens)], budget
    )


def _predicted(state: DiffusionState, draft: Draft, next_logits: Tensor | None) -> Tensor:
    """Logits of each token of a draft and of the one after it, [n + 1, V], n its length."""
    before = 0 if next_logits is None else len(next_logits) - draft.length
    if next_logits is not None and before:
        return next_logits[before - 1 :]
    assert state.next_logits is not None
    first = state.next_logits[None]
    return first if next_logits is None else torch.cat((first, next_logits))


def _state_after(row: Row, state: DiffusionState, tokens: Sequence[int]) -> int | None:
    """The grammar's state after the tokens that followed a corrected one; None if they may not follow it."""
    if state.grammar is None:
        return state.grammar_state
    after = state.grammar_state
    for token in tokens:
        after = state.grammar.advance(after, token)
    return after if state.grammar.min_tokens(after) <= row.budget - len(tokens) else None


def _finished(row: Row, canvas: CanvasState, finish: FinishReason, encoded: int | None = None) -> Outcome:
    try:
        DiffusionState.of(row).judge_choices(row)
    except (EngineError, GrammarError) as error:
        return Outcome(row, canvas, error=error, encoded=encoded)
    return Outcome(row, canvas, committed=True, finish=finish, encoded=encoded)
