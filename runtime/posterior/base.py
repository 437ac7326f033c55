"""The posterior's interface: logits and a constraint in; best, sample, entropy and marginals out.

    from agentfast.runtime.posterior.exact import canvas_posterior

    results = canvas_posterior([CanvasRow(logits, grammar, state, budget, uniforms), CanvasRow(other_logits, None)])

A row without a grammar is the one-state case. Rows of one call may have different grammars, states and budgets.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.posterior.class_logits import Bools, ClassLogits, Floats, Longs


@dataclass(frozen=True, eq=False)
class CanvasRow:
    """Logits of one canvas and their constraint.

    Attributes:
        logits: [C, V] float32; -inf is allowed, NaN is not.
        grammar: constraint on the tokens; None: all are allowed, and `state`, `budget` and `first` mean nothing.
        state: the grammar's state before the canvas.
        budget: tokens that may still be generated, this canvas's included. After the canvas at most budget - C are
            left; a canvas longer than the budget must reach EOS within its first `budget` positions.
        uniforms: [C] float64 in [0, 1), the only source of randomness of the sample. Given the state before position
            i, its outcomes are laid out on [0, 1) in order of (edge, class, token id) with the widths of their
            conditional probabilities, and uniforms[i] picks the one it falls on. None: the best takes its place.
        temperature: divisor of the logits.
        first: the state's edges that the logits leave open, where they are known; see `TrellisCache.trellis`.
    """

    logits: torch.Tensor
    grammar: TokenGrammar | None
    state: int = 0
    budget: int = 0
    uniforms: npt.NDArray[np.float64] | None = None
    temperature: float = 1.0
    first: bytes | None = None


@dataclass(frozen=True, eq=False)
class CanvasPosterior:
    """Posterior of one canvas. Positions after EOS are free: any token, as likely as its logit says.

    Attributes:
        best: [C] int64, the most likely token sequence (ties: the first edge, class, token).
        sample: [C] int64, a joint sample; the best if none was asked for.
        entropy: [C] float32, nats, of each position's token marginal.
        length: positions of `best` up to and including EOS; C if it does not end here, or if there is no grammar.
        end_state: the grammar's state after `best`; 0 if there is no grammar.
    """

    best: Longs
    sample: Longs
    entropy: Floats
    length: int
    end_state: int


class PosteriorBatch(Sequence["CanvasPosterior | GrammarError"]):
    """The posterior of each row, in order; a row that cannot be met has its error in place of it, and only that row.

    Errors are GrammarError (no allowed sequence has weight, a dead state, NaN, wrong shapes) and BudgetTooSmallError.
    """

    @abstractmethod
    def marginals(self, wanted: Sequence[tuple[int, int]]) -> list[torch.Tensor]:
        """Token marginals of some rows, on the logits' device, good until the thread's next batch.

        Args:
            wanted: pairs of a row's index and a number of its first positions, by rising index.

        Returns:
            [N, V] float32 tensors that hold the wanted positions in order; those that lie together are one tensor.
        """


class Posterior(Protocol):
    """A way to compute posteriors of canvases on one kind of device."""

    @property
    def ops(self) -> LogitsOps:
        """Operations on the device's logits."""
        ...

    def __call__(self, rows: Sequence[CanvasRow]) -> PosteriorBatch: ...


@dataclass(frozen=True, slots=True)
class TokenStatistics:
    """Statistics of [N, V] logits, position by position.

    Attributes:
        best: [N] int64, the most likely token.
        sample: [N] int64, a token drawn by inverting the distribution at the position's uniform number.
        entropy: [N] float32, nats.
        probabilities: [N, V] float32, on the logits' device.
    """

    best: Longs
    sample: Longs
    entropy: Floats
    probabilities: torch.Tensor


class LogitsOps(Protocol):
    """Operations on logits where they lie; their results are on the host, but for [N, V] tensors."""

    def scratch(self, count: int, vocabulary_size: int) -> torch.Tensor:
        """[N, V] float32 memory, good until the thread's next call."""
        ...

    def reduce(
        self,
        logits: torch.Tensor,
        classes: TokenClasses,
        *,
        temperature: float = 1.0,
        wanted: Bools | None = None,
    ) -> ClassLogits:
        """Reduce [C, V] float32 logits to classes.

        Args:
            wanted: [C, K] the classes that are asked for at each position; others may be left out. None: all.

        Raises:
            GrammarError: a position has a NaN or an infinite logit; minus infinity is allowed.
        """
        ...

    def spread(
        self,
        logits: torch.Tensor,
        bias: Floats,
        classes: TokenClasses,
        *,
        temperature: float,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[C, V] float32 probabilities exp(logits / temperature + bias [C, K] of the token's class)."""
        ...

    def statistics(
        self,
        logits: Sequence[torch.Tensor],
        temperatures: Floats,
        uniforms: npt.NDArray[np.float64],
        out: torch.Tensor,
    ) -> TokenStatistics:
        """Statistics of [N, V] float32 finite logits, given in parts; temperatures [N] above 0, uniforms [N] in [0, 1).

        Args:
            out: [N, V], memory for the probabilities.
        """
        ...

    def columns(self, logits: torch.Tensor, tokens: Longs) -> tuple[Floats, Longs]:
        """Logits [C, U] on the host that hold these tokens' [T], and the tokens' columns in them."""
        ...

    def gather(self, logits: torch.Tensor, tokens: Longs) -> npt.NDArray[np.float64]:
        """[n] logit of each position's token."""
        ...
