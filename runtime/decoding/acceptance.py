"""Acceptance: the positions that a denoising step keeps, and the draft tokens that the causal pass keeps.

A canvas is denoised from marginals that agree with each other only as far as its steps went, so a value that is copied
may mix two shifted copies. The pass that encodes the canvas has, at every position, the model's own distribution of
the next token given all before it. It accepts a token that has at least a share of the probability of the likeliest token
that the grammar allows there; the first that falls short is replaced by that one, and the tokens after it are denoised
anew. With a share of 1 the result is that of greedy autoregressive decoding under the grammar: the canvas is a
draft as in speculative decoding (Leviathan et al., arXiv 2211.17192; drafted by diffusion and verified by the same
model's causal mode in arXiv 2511.08923). A smaller share is the typical acceptance of arXiv 2401.10774. Each token has
its own share: where the canvas was sure and the pass disagrees, either may be right; where it was not, the pass nearly
always is, and where a token before was corrected always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.grammar.tokens.kernels.edges import EdgeArrays, after_class, mark_classes
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.jit.kernel import kernel
from agentfast.runtime.posterior.kernels import unconstrained as kernels

Ints = NDArray[np.int32]
Floats = NDArray[np.float32]


def accept(entropy: NDArray[np.float32], bound: float) -> NDArray[np.bool_]:
    """Entropy-bounded acceptance (arXiv 2505.24857): [C] nats -> [C] bool.

    In order of rising entropy, a position is accepted while the entropies before it sum to no more than `bound`, an
    upper bound of the mutual information between the accepted tokens. The surest position is always accepted.
    """
    accepted = np.empty(len(entropy), np.bool_)
    kernels.accept(entropy, np.float32(bound), accepted)
    return accepted


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of a verification.

    Attributes:
        stands: number of accepted tokens, from the first on.
        correction: token in place of the first rejected one; None if all are accepted.
        states: [stands + 1], the grammar's before each of them and after the last; zeros without a grammar.
    """

    stands: int
    correction: int | None
    states: Ints


def verify_tokens(
    logits: Tensor,
    tokens: Sequence[int],
    grammar: TokenGrammar | None,
    state: int,
    budget: int,
    shares: Floats,
) -> Verdict:
    """Verify a draft.

    Args:
        logits: [n, V] float32, the causal pass's for each token of the draft, given those before it.
        tokens: [n], an end token included; they follow the grammar.
        state, budget: the grammar's state and the tokens left, before the draft.
        shares: [n], 0..1, share of the likeliest token's probability that each token needs; with 0 it is accepted in any case.
    """
    with np.errstate(divide="ignore"):
        least = np.log(shares)
    if grammar is None:
        return _verify_freely(logits, tokens, least)
    states, correction = np.full(len(tokens) + 1, state, np.int32), np.zeros(1, np.int64)
    stands = _verify(
        logits.float().cpu().numpy(),
        np.asarray(tokens, np.int64),
        grammar.edge_arrays,
        budget,
        least,
        states,
        correction,
    )
    return Verdict(stands, int(correction[0]) if stands < len(tokens) else None, states[: stands + 1])


def _verify_freely(logits: Tensor, tokens: Sequence[int], least: Floats) -> Verdict:
    greatest, best = (part.cpu().numpy() for part in logits.max(dim=-1))
    given = logits[range(len(tokens)), list(tokens)].cpu().numpy()
    falls = np.flatnonzero(given < greatest + least)
    stands = int(falls[0]) if len(falls) else len(tokens)
    return Verdict(stands, int(best[stands]) if len(falls) else None, np.zeros(stands + 1, np.int32))


@kernel
def _verify(
    logits: Floats,
    tokens: NDArray[np.int64],
    grammar: EdgeArrays,
    budget: int,
    least: Floats,
    states: Ints,
    correction: NDArray[np.int64],
) -> int:
    """Return the number of accepted tokens; fills `states` after each and the `correction` of the first that does not."""
    alive, token_class = np.empty(grammar.classes, np.bool_), grammar.token_class
    for i in range(len(tokens)):
        mark_classes(grammar, states[i], budget - i, alive)
        greatest = -np.inf
        for token in range(logits.shape[1]):
            if logits[i, token] > greatest and alive[token_class[token]]:
                greatest, correction[0] = logits[i, token], token
        chosen = token_class[tokens[i]]
        if not alive[chosen] or logits[i, tokens[i]] < greatest + least[i]:
            return i
        states[i + 1] = after_class(grammar, states[i], chosen)
    return len(tokens)
