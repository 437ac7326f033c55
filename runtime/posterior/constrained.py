"""The posterior of a canvas under a grammar: exact and joint, in one pass over the logits.

The model's [C, V] logits say how likely each token is at each position on its own. The posterior is that product
restricted to token sequences that the grammar allows from the row's state and that can still end, EOS included, within
the row's budget, renormalised: the distribution that a mask per position cannot give. A backward pass over the
grammar's automaton gives its normaliser Z, Viterbi its mode, forward-filtering backward-sampling a draw (here the
filter runs backward and the draw forward), and one forward pass its marginals (Rabiner 1989). All of it runs over
token classes; tokens come in once, when logits are reduced, and once more when a class is turned into a token.

The posterior of each step is exact; a trajectory of denoising steps that uses it is not an exact sample of the model
conditioned on the grammar (arXiv 2609.35609).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from agentfast.errors import BudgetTooSmallError, GrammarError
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.grammar.tokens.token_grammar import DEAD, TokenGrammar
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow, LogitsOps
from agentfast.runtime.posterior.class_logits import Floats
from agentfast.runtime.posterior.forward_backward import paths_through
from agentfast.runtime.posterior.trellis import TRELLISES


@dataclass(frozen=True, eq=False)
class ConstrainedPosterior(CanvasPosterior):
    """Posterior of one canvas under a grammar.

    Attributes:
        log_z: log of the total weight exp(sum of logits) of the allowed sequences.
        class_bias: [C, K] float32; the log marginal of token t is logits[i, t] / temperature + class_bias[i, class of
            t], normalised.
        temperature: the row's.
    """

    log_z: float
    class_bias: Floats
    classes: TokenClasses
    temperature: float
    ops: LogitsOps

    def marginals(self, logits: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """[C, V] float32 token marginals, given the logits that the posterior was made from; on their device.

        Args:
            out: memory for them; fresh if None.
        """
        return self.ops.spread(logits, self.class_bias, self.classes, temperature=self.temperature, out=out)


def constrained_posterior(row: CanvasRow, grammar: TokenGrammar, ops: LogitsOps) -> ConstrainedPosterior:
    """Compute the posterior of a row under its grammar.

    Raises:
        GrammarError, BudgetTooSmallError: see `PosteriorBatch`.
    """
    check_row(row, grammar)
    trellis = TRELLISES.trellis(grammar, row.state, len(row.logits), row.budget, row.first)
    reduced = ops.reduce(row.logits, grammar.classes, temperature=row.temperature, wanted=trellis.wanted)
    paths = paths_through(trellis, reduced)
    chosen, path = paths.best()
    bias, entropy = paths.class_marginals()
    states = trellis.states[path]
    ends = np.nonzero(states[1:] == grammar.done)[0]
    best = reduced.first_tokens(chosen)
    uniforms = row.uniforms
    return ConstrainedPosterior(
        best=best,
        sample=best if uniforms is None else reduced.draw(*paths.sample(np.asarray(uniforms, np.float64))),
        entropy=entropy,
        length=int(ends[0]) + 1 if len(ends) else len(path) - 1,
        end_state=int(states[-1]),
        log_z=paths.log_z,
        class_bias=bias,
        classes=grammar.classes,
        temperature=row.temperature,
        ops=ops,
    )


def check_row(row: CanvasRow, grammar: TokenGrammar) -> None:
    """Refuse a row whose shapes, state or budget do not fit its grammar.

    Raises:
        GrammarError, BudgetTooSmallError: see `PosteriorBatch`.
    """
    shape = tuple(row.logits.shape)
    if len(shape) != 2 or shape[0] == 0 or shape[1] != grammar.vocabulary.size:
        raise GrammarError(f"logits of shape {shape} do not fit a vocabulary of {grammar.vocabulary.size}")
    if row.uniforms is not None and len(row.uniforms) != shape[0]:
        raise GrammarError(f"{len(row.uniforms)} uniforms do not fit a canvas of {shape[0]}")
    if row.state == DEAD:
        raise GrammarError("the row's grammar state is dead: its tokens did not follow the grammar")
    needed = grammar.min_tokens(row.state)
    if needed > row.budget:
        raise BudgetTooSmallError(needed, row.budget)
