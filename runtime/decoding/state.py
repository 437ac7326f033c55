"""State of a row's decoder, of which the scheduler and the backends know nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.confidence.evidence import ChoiceEvidence, TokenDistribution
from agentfast.runtime.confidence.field_probabilities import FieldLedger
from agentfast.runtime.core.random_streams import RandomStreams
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.scheduling.row import Canvas, Row


@dataclass(slots=True, eq=False)
class DecoderState:
    """State that every decoder keeps of a row.

    Attributes:
        grammar: the request's grammar over the engine's vocabulary.
        streams: the request's own random numbers.
        ledger: probabilities of the request's fields; None if it does not ask for them.
        grammar_state: state of `grammar` after the row's tokens.
        choices: the distribution that each generated token was taken from, kept for the ledger.
        canvases, steps: canvases committed and decoding steps taken.
    """

    grammar: TokenGrammar | None
    streams: RandomStreams
    ledger: FieldLedger | None = None
    grammar_state: int = field(init=False)
    choices: list[TokenDistribution | None] = field(default_factory=list["TokenDistribution | None"])
    canvases: int = 0
    steps: int = 0

    def __post_init__(self) -> None:
        self.grammar_state = 0 if self.grammar is None else self.grammar.start

    @classmethod
    def of(cls, row: Row) -> Self:
        """The state of a row, which must be of this kind."""
        assert isinstance(row.decoding, cls), "the row belongs to another decoder"
        return row.decoding

    def judge_choices(self, row: Row) -> None:
        """Enter in the ledger what the choices of a complete row say of its fields.

        Raises:
            EngineError: see `FieldLedger.add`.
        """
        if self.ledger is not None and self.grammar is not None:
            tokens = row.tokens[len(row.request.prompt) :]
            self.ledger.add(tokens, ChoiceEvidence(self.grammar.vocabulary, tokens, self.choices))


@dataclass(slots=True, eq=False)
class CanvasState(Canvas):
    """A canvas that is being denoised.

    Attributes:
        index: number of canvases the row committed before.
        start: number of tokens generated before it.
        step: denoising steps done.
        best: [C] int64, the most likely canvas of the last step; None before the first.
        unchanged: steps in a row that left `best` as it was.
        accepted: [C] bool, of the last step.
    """

    index: int = 0
    start: int = 0
    step: int = 0
    best: NDArray[np.int64] | None = None
    unchanged: int = 0
    accepted: NDArray[np.bool_] | None = None


@dataclass(slots=True, eq=False)
class Draft:
    """A settled canvas at the end of a row's tokens that the causal pass has yet to verify.

    Attributes:
        tokens: the end token included, which is not among the row's.
        grammar_state: the grammar's, before them.
        ended: whether the last one is an end token.
        canvas: the canvas they come from.
        sure: [n] bool, the tokens that the canvas was sure of.
        fresh: they are as they were denoised; False: they followed a token that was corrected.
    """

    tokens: list[int]
    grammar_state: int
    ended: bool
    canvas: CanvasState
    sure: NDArray[np.bool_]
    fresh: bool = True

    @property
    def length(self) -> int:
        """Draft length, without the end token."""
        return len(self.tokens) - self.ended


@dataclass(slots=True, eq=False)
class DiffusionState(DecoderState):
    """State of a row that is denoised canvas by canvas.

    Attributes:
        canvas: the row's, None while a last draft is verified.
        verifies: whether its canvases are verified by the causal pass.
        draft: the draft to be verified next.
        next_logits: [V] logits of the token after those that are encoded; only if it verifies.
        rejections: number of drafts that were corrected.
    """

    canvas: CanvasState | None = None
    verifies: bool = False
    draft: Draft | None = None
    next_logits: Tensor | None = None
    rejections: int = 0

    def show_canvas(self, row: Row, canvas: CanvasState | None) -> None:
        """Make a canvas the row's next one; None: the row has nothing to denoise."""
        self.canvas = row.canvas = canvas

    def set_draft(self, row: Row, draft: Draft | None) -> None:
        """Make the tokens of a draft the provisional ones at the end of the row's."""
        self.draft = draft
        row.provisional_tokens = 0 if draft is None else draft.length


@dataclass(slots=True, eq=False)
class AutoregressiveState(DecoderState):
    """State of a row that is decoded token by token.

    Attributes:
        allowed: [V] bool, tokens that may come next under `grammar`; None: all.
    """

    allowed: NDArray[np.bool_] | None = None
