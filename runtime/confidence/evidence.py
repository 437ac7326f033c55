"""Evidence: the probability of a text at the positions where a decoder wrote tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.confidence import evidence_kernels as kernels
from agentfast.runtime.confidence.tokenizations import SPECIAL, tokenizations_of
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.posterior.base import LogitsOps
from agentfast.runtime.posterior.forward_backward import paths_through
from agentfast.runtime.posterior.trellis import TRELLISES

MAX_KEPT_TOKENS: Final = 4096
"""Allowed tokens of a position above which no value there is one of a few."""

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spelled:
    """Mass of a text of n bytes, given the state before it.

    Attributes:
        ended: probability that the text is spelled, in any split into tokens, and ended.
        cut: probabilities, by the number of bytes written, that the evidence ends in the middle of it.
    """

    ended: float
    cut: dict[int, float]


class Evidence(Protocol):
    """Probabilities around the tokens written at some positions in a row.

    Attributes:
        log_p: [n] log probability of each written token given those before it, later ones summed out.
        positions: how many positions are known; those after the written tokens hold the end token and what follows.
    """

    log_p: Doubles
    positions: int

    def spelled(self, position: int, text: bytes, continues: bytes) -> Spelled:
        """Probability of `text` from a position on, given the written tokens before it.

        Args:
            continues: bytes that would make another value of it where it could end.
        """
        ...


class CanvasEvidence:
    """The constrained posterior of a canvas around the tokens that were committed; exact for the step.

    P(token | tokens before) is its weight times the weight of all paths from there on, over that of all paths from the state
    before it: a quotient of two numbers of the backward pass.
    """

    def __init__(
        self,
        logits: torch.Tensor,
        grammar: TokenGrammar,
        state: int,
        budget: int,
        tokens: npt.NDArray[np.int64],
        ops: LogitsOps,
    ) -> None:
        """
        Args:
            logits: [C, V] float32, the model's own; `ops`: operations on them.
            state, budget: the grammar's state and the tokens left, before the canvas.
            tokens: [n] written tokens, n <= C.

        Raises:
            GrammarError: the grammar or the logits rule the tokens out.
        """
        self.positions = len(logits)
        self._logits, self._ops = logits, ops
        self._grammar = grammar
        trellis = TRELLISES.trellis(grammar, state, len(logits), budget)
        reduced = ops.reduce(logits, grammar.classes, wanted=trellis.wanted)
        self._log_beta = paths_through(trellis, reduced).log_weights()
        classes = grammar.classes
        self._edges = (
            trellis.edge_start,
            trellis.edge_to,
            trellis.edge_label,
            classes.label_start,
            classes.label_class,
        )
        self._path = kernels.trace(tokens, classes.token_class, *self._edges)
        if (self._path < 0).any():
            raise GrammarError("the committed tokens do not follow the grammar")
        beta = self._log_beta[self._path]
        self.log_p: Doubles = np.minimum(ops.gather(logits, tokens) + beta[1:] - beta[:-1], 0.0)

    def spelled(self, position: int, text: bytes, continues: bytes) -> Spelled:
        found = tokenizations_of(self._grammar.vocabulary, text, continues)
        ended, cut = kernels.spell(
            *self._ops.columns(self._logits[position:], found.tokens),
            self._grammar.classes.token_class[found.tokens],
            found.start,
            found.to,
            bool(continues),
            self._path[position],
            *self._edges,
            self._log_beta,
        )
        return Spelled(ended, {offset: float(cut[offset]) for offset in np.flatnonzero(cut).tolist()})


def _floats(tensor: torch.Tensor) -> Floats:
    return tensor.to("cpu", torch.float32).contiguous().numpy()


@dataclass(frozen=True, slots=True)
class TokenDistribution:
    """The distribution that a token was taken from: the ids that were allowed and their probabilities."""

    tokens: npt.NDArray[np.int64]
    probabilities: Doubles

    def of(self, token: int) -> float:
        """Probability of a token; 0 if it was not allowed."""
        at = int(np.searchsorted(self.tokens, token))
        return float(self.probabilities[at]) if at < len(self.tokens) and self.tokens[at] == token else 0.0


def choices_of(
    logits: torch.Tensor,
    tokens: Sequence[int],
    grammar: TokenGrammar,
    states: Sequence[int] | Ints,
    budget: int,
    *,
    most: int = MAX_KEPT_TOKENS,
) -> list[TokenDistribution | None]:
    """Distribution that each of n consecutive tokens was taken from; None where the grammar left no choice.

    Args:
        logits: [n, V] float32, at temperature 1, of each token given those before it.
        states: [n], the grammar's before each token; budget: the tokens left before the first.
        most: allowed tokens above which a distribution keeps that of the token taken alone.
    """
    starts, ids, p = kernels.choices(
        _floats(logits),
        np.asarray(tokens, np.int64),
        np.asarray(states, np.int32),
        grammar.edge_arrays,
        budget,
        most,
    )
    return [
        TokenDistribution(ids[start:stop], p[start:stop]) if stop > start else None
        for start, stop in pairwise(starts.tolist())
    ]


class ChoiceEvidence:
    """Evidence of single next-token probabilities along the written text, as an autoregressive model has.

    Mass that leaves the written tokens is followed for one token; what would come after it was never asked for.
    """

    def __init__(
        self, vocabulary: Vocabulary, tokens: Sequence[int], choices: Sequence[TokenDistribution | None]
    ) -> None:
        """
        Args:
            tokens: what was written, without an end token.
            choices: of each token, and of the end token if there was one; None where there was no choice.
        """
        self.positions = len(choices)
        self._vocabulary = vocabulary
        self._tokens = tokens
        self._choices = choices
        chosen = [1.0 if c is None else c.of(t) for t, c in zip(tokens, choices, strict=False)]
        self.log_p: Doubles = np.log(np.array(chosen, np.float64))

    def spelled(self, position: int, text: bytes, continues: bytes) -> Spelled:
        ended, left, offset = 0.0, 1.0, 0
        cut: dict[int, float] = {}
        for i in range(position, self.positions):
            written = self._tokens[i] if i < len(self._tokens) else None
            going_on: tuple[int, float] | None = None
            for token, p in self._outcomes(i, written):
                to = self._lead(token, text, offset, continues)
                if to == len(text) + 1:
                    ended += left * p
                elif to >= 0 and token == written:
                    going_on = to, left * p
                elif to >= 0:
                    cut[to] = cut.get(to, 0.0) + left * p
            if going_on is None:
                return Spelled(ended, cut)
            offset, left = going_on
        cut[offset] = cut.get(offset, 0.0) + left
        return Spelled(ended, cut)

    def _outcomes(self, position: int, written: int | None) -> list[tuple[int | None, float]]:
        choice = self._choices[position]
        if choice is None:
            return [(written, 1.0)]
        return list(zip(choice.tokens.tolist(), choice.probabilities.tolist(), strict=True))

    def _lead(self, token: int | None, text: bytes, offset: int, continues: bytes) -> int:
        """Offset that a token leads to: len(text) + 1 where the text is ended, -1 if not along it."""
        piece = None if token is None else self._vocabulary.tokens[token]
        rest = text[offset:]
        if piece is None:
            if not rest:
                return len(text) + 1
            if token is None or rest[0] != SPECIAL:
                return -1
            return offset + 1 if len(rest) > 1 or continues else len(text) + 1
        if not piece.startswith(rest):
            return offset + len(piece) if rest.startswith(piece) else -1
        if len(piece) == len(rest) and rest:
            return len(text) if continues else len(text) + 1
        return -1 if piece[len(rest)] in continues else len(text) + 1
