"""Drafts: settled canvases that the causal pass reads over before their tokens are final; see verification.py."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.errors import EngineError, GrammarError
from agentfast.runtime.confidence.evidence import choices_of
from agentfast.runtime.confidence.ledger import judge_choices
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.request import Canvas, Draft, FinishReason, Row
from agentfast.runtime.decoding.acceptance import Verdict, read_over
from agentfast.runtime.decoding.base import Outcome

ROOM = 4
"""Tokens that a canvas may take more than what it takes the place of."""


class DraftReader:
    """Puts drafts at the end of rows, to be encoded by the next pass, and judges them by what that pass says.

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
        """Put a draft at the end of a row. `after`: the grammar's state after it."""
        row.draft = draft
        row.tokens.extend(draft.tokens[: draft.length])
        row.state = after
        if draft.ended or not row.budget:
            row.canvas, row.canvas_tokens = None, 0
        else:
            self._open_canvas(row, draft.canvas.index + 1, None)

    def judge(self, row: Row, ahead: Tensor | None = None) -> Outcome:
        """What becomes of a row's draft.

        Args:
            ahead: [R, V], what comes after each token that the pass encoded: those before the draft, if any, and its.
                None: the draft is an end only, and nothing was encoded.

        Returns:
            An outcome without steps if the draft stands and the row goes on with the canvas it has.
        """
        draft = row.draft
        assert draft is not None
        predicted = _predicted(row, draft, ahead)
        budget = row.budget + draft.length
        verdict = read_over(
            predicted[: len(draft.tokens)],
            draft.tokens,
            row.grammar,
            draft.state,
            budget,
            self._shares(row, draft),
        )
        self._note(row, draft, verdict, predicted, budget)
        settled = row.settled
        row.draft = None
        if verdict.correction is None:
            row.ahead = predicted[-1].clone()
            return self._accept(row, draft)
        del row.tokens[settled + verdict.stands :]
        row.ahead, row.state = None, int(verdict.states[-1])
        return self._correct(row, draft, verdict.stands, verdict.correction)

    def _shares(self, row: Row, draft: Draft) -> NDArray[np.float32]:
        """Of the likeliest token's probability, what each token of a draft needs to stand."""
        if row.reopened >= self._generation.max_reopenings:
            return np.zeros(len(draft.tokens), np.float32)
        return np.where(draft.sure, self._generation.verify, 1.0).astype(np.float32)

    def _accept(self, row: Row, draft: Draft) -> Outcome:
        row.canvases += 1
        if draft.ended or not row.budget:
            return _finished(row, draft.canvas, "stop" if draft.ended else "length")
        return Outcome(row, draft.canvas, committed=True, steps=0)

    def _correct(self, row: Row, draft: Draft, stands: int, correction: int) -> Outcome:
        encoded = len(row.tokens)
        row.reopened += 1
        draft.canvas.best = np.array([*draft.tokens[:stands], correction], np.int64)
        draft.canvas.accepted = np.ones(stands + 1, np.bool_)
        ends = correction in self._eos_ids
        if not ends:
            row.tokens.append(correction)
            if row.grammar is not None:
                row.state = row.grammar.advance(row.state, correction)
        if ends or not row.budget:
            row.canvases += 1
            return _finished(row, draft.canvas, "stop" if ends else "length", encoded)
        rest = draft.tokens[stands + 1 :]
        after = _state_after(row, rest) if draft.fresh and rest else None
        if after is not None:
            # They were denoised beside another token than the one that is before them now.
            unsure = np.zeros(len(rest), np.bool_)
            self.append(row, Draft(rest, row.state, draft.ended, draft.canvas, unsure, fresh=False), after)
        else:
            self._open_canvas(row, draft.canvas.index + 1, len(rest) + ROOM if draft.ended else None)
        return Outcome(row, draft.canvas, encoded=encoded)

    def _note(self, row: Row, draft: Draft, verdict: Verdict, predicted: Tensor, budget: int) -> None:
        """Keep what the final tokens were taken from, for the probabilities of fields."""
        if row.ledger is None or row.grammar is None:
            return
        tokens = draft.tokens[: verdict.stands]
        if verdict.correction is not None:
            tokens = [*tokens, verdict.correction]
        row.choices += choices_of(
            predicted[: len(tokens)], tokens, row.grammar, verdict.states[: len(tokens)], budget
        )


def _predicted(row: Row, draft: Draft, ahead: Tensor | None) -> Tensor:
    """Logits of each token of a draft and of what comes after it, [n + 1, V], n its length."""
    before = 0 if ahead is None else len(ahead) - draft.length
    if ahead is not None and before:
        return ahead[before - 1 :]
    assert row.ahead is not None
    return row.ahead[None] if ahead is None else torch.cat((row.ahead[None], ahead))


def _state_after(row: Row, tokens: Sequence[int]) -> int | None:
    """The grammar's state after what followed a corrected token; None if it may not follow it."""
    if row.grammar is None:
        return row.state
    state = row.state
    for token in tokens:
        state = row.grammar.advance(state, token)
    return state if row.grammar.min_tokens(state) <= row.budget - len(tokens) else None


def _finished(row: Row, canvas: Canvas, finish: FinishReason, encoded: int | None = None) -> Outcome:
    try:
        judge_choices(row)
    except (EngineError, GrammarError) as error:
        return Outcome(row, canvas, error=error, encoded=encoded)
    return Outcome(row, canvas, committed=True, finish=finish, encoded=encoded)
