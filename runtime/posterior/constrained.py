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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import BudgetTooSmallError, GrammarError
from agentfast.runtime.grammar.tokens.token_classes import Classes
from agentfast.runtime.grammar.tokens.token_grammar import DEAD, TokenGrammar
from agentfast.runtime.posterior.class_logits import reduce_logits, spread
from agentfast.runtime.posterior.forward_backward import ways_through
from agentfast.runtime.posterior.trellis import PLANS


@dataclass(frozen=True, eq=False)
class CanvasRow:
    """One canvas to be judged.

    Attributes:
        logits: [C, V] float32; -inf is allowed, NaN is not.
        grammar: what the tokens must follow.
        state: the grammar's state before the canvas.
        budget: tokens that may still be generated, this canvas's included. After the canvas at most budget - C are
            left; a canvas longer than the budget must reach EOS within its first `budget` positions.
        uniforms: [C] float64 in [0, 1), the only source of randomness of the sample. Given the state before position
            i, its outcomes are laid out on [0, 1) in order of (edge, class, token id) with the widths of their
            conditional probabilities, and uniforms[i] picks the one it falls on. None: the best takes its place.
        temperature: what the logits are divided by.
        first: which of the state's edges the logits leave open, where it is known; see `PlanCache.plan`.
    """

    logits: torch.Tensor
    grammar: TokenGrammar
    state: int
    budget: int
    uniforms: npt.NDArray[np.float64] | None
    temperature: float = 1.0
    first: bytes | None = None


@dataclass(frozen=True, eq=False)
class CanvasPosterior:
    """The posterior of one canvas. Positions after EOS are free: any token, as likely as its logit says.

    Attributes:
        best: [C] int64, the most likely token sequence (ties: the first edge, class, token).
        sample: [C] int64, a joint sample; the best if none was asked for.
        entropy: [C] float32, nats, of each position's constrained token marginal.
        log_z: log of the total weight exp(sum of logits) of the allowed sequences.
        class_bias: [C, K] float32; the log marginal of token t is logits[i, t] / temperature + class_bias[i, class of
            t], normalised.
        length: positions of `best` up to and including EOS; C if it does not end here.
        end_state: the grammar's state after `best`.
        temperature: the row's.
    """

    best: npt.NDArray[np.int64]
    sample: npt.NDArray[np.int64]
    entropy: npt.NDArray[np.float32]
    log_z: float
    class_bias: npt.NDArray[np.float32]
    length: int
    end_state: int
    classes: Classes
    temperature: float

    def marginals(self, logits: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """[C, V] float32 token marginals, given the logits that the posterior was made from; on their device.

        Args:
            out: where they go; a fresh tensor if None.
        """
        return spread(logits, self.class_bias, self.classes, temperature=self.temperature, out=out)


def canvas_posterior(rows: Sequence[CanvasRow]) -> list[CanvasPosterior | GrammarError]:
    """The posterior of each row; a row that cannot be met gets its error in place of it, and only that row.

    Errors are GrammarError (no allowed sequence has weight, a dead state, NaN, wrong shapes) and BudgetTooSmallError.
    """
    results: list[CanvasPosterior | GrammarError] = []
    for row in rows:
        try:
            results.append(_posterior(row))
        except GrammarError as error:
            results.append(error)
    return results


def _posterior(row: CanvasRow) -> CanvasPosterior:
    _check(row)
    grammar = row.grammar
    plan = PLANS.plan(grammar, row.state, len(row.logits), row.budget, row.first)
    space = reduce_logits(row.logits, grammar.classes, temperature=row.temperature, wanted=plan.wanted)
    ways = ways_through(plan, space)
    chosen, path = ways.best()
    bias, entropy = ways.class_marginals()
    states = plan.states[path]
    ends = np.nonzero(states[1:] == grammar.done)[0]
    best = space.first_tokens(chosen)
    uniforms = row.uniforms
    return CanvasPosterior(
        best=best,
        sample=best if uniforms is None else space.draw(*ways.sample(np.asarray(uniforms, np.float64))),
        entropy=entropy,
        log_z=ways.log_z,
        class_bias=bias,
        length=int(ends[0]) + 1 if len(ends) else len(path) - 1,
        end_state=int(states[-1]),
        classes=grammar.classes,
        temperature=row.temperature,
    )


def _check(row: CanvasRow) -> None:
    shape = tuple(row.logits.shape)
    if len(shape) != 2 or shape[0] == 0 or shape[1] != row.grammar.vocabulary.size:
        raise GrammarError(
            f"logits of shape {shape} do not fit a vocabulary of {row.grammar.vocabulary.size}"
        )
    if row.uniforms is not None and len(row.uniforms) != shape[0]:
        raise GrammarError(f"{len(row.uniforms)} uniforms do not fit a canvas of {shape[0]}")
    if row.state == DEAD:
        raise GrammarError("the row's grammar state is dead: its tokens did not follow the grammar")
    needed = row.grammar.min_tokens(row.state)
    if needed > row.budget:
        raise BudgetTooSmallError(needed, row.budget)
