"""How a turn opens: with a special token, such as that of a call, with text, or with its end."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.grammar.token_grammar import TokenGrammar


def settle_opening(logits: Tensor, grammar: TokenGrammar, budget: int, ahead: Tensor | None = None) -> Tensor:
    """Where a turn may open with a special token or with text, rule out what its first position finds less likely.

    The posterior weighs whole canvases. While a canvas is noise, that favours what binds fewer tokens: text over a
    call, all of whose letters have to fit, and an early end over text. A model that writes token after token would
    decide by the first one alone; so does this, and by that model's word for it where it is at hand.

    Args:
        logits: [C, V] of the first canvas.
        budget: tokens that may be generated.
        ahead: [V], what the causal pass over the prompt expects first.

    Returns:
        [C, V]; the given one if there is nothing to decide.
    """
    openings = _openings(grammar, budget)
    if openings is None:
        return logits
    special, may_end = openings
    kinds = torch.full((logits.shape[1],), _TEXT, device=logits.device)
    kinds[torch.from_numpy(special).to(logits.device)] = _SPECIAL
    kinds[list(grammar.vocabulary.eos_ids)] = _END
    first = logits[0] if ahead is None else ahead
    mass = torch.zeros(3, device=logits.device).index_add_(0, kinds, torch.softmax(first, dim=-1))
    if not may_end:
        mass[_END] = 0.0
    settled = logits[:1].masked_fill(kinds != mass.argmax(), -torch.inf)
    return torch.cat((settled, logits[1:]))


_TEXT, _SPECIAL, _END = range(3)


def _openings(grammar: TokenGrammar, budget: int) -> tuple[NDArray[np.int64], bool] | None:
    """The special tokens that may come first and whether the end may; None if not both they and text may."""
    vocabulary, classes = grammar.vocabulary, grammar.classes
    alive = np.zeros(classes.count, np.bool_)
    for edge in range(grammar.edge_start[grammar.start], grammar.edge_start[grammar.start + 1]):
        if grammar.distance[grammar.edge_target[edge]] <= budget - 1:
            label = grammar.edge_label[edge]
            alive[classes.label_class[classes.label_start[label] : classes.label_start[label + 1]]] = True
    special = np.array(sorted(set(vocabulary.special.values()) - vocabulary.eos_ids), np.int64)
    opening = special[alive[classes.token_class[special]]]
    ends = classes.token_class[sorted(vocabulary.eos_ids)]
    may_end = bool(alive[ends].any())
    alive[ends] = alive[classes.token_class[opening]] = False
    return (opening, may_end) if len(opening) and alive.any() else None
