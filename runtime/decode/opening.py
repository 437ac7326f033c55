"""How a turn opens: with a special token, such as that of a call, or with text."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from agentfast.runtime.grammar.token_grammar import TokenGrammar


def settle_opening(logits: Tensor, grammar: TokenGrammar, budget: int) -> Tensor:
    """Where a turn may open either way, rule out what the first position's own distribution finds less likely.

    The posterior weighs whole canvases. While a canvas is noise, that favours text: nothing binds its tokens, whereas
    all the letters of a call have to fit, so a call loses by the uncertainty of each. A model that writes token after
    token would decide by the first one alone; so does this.

    Args:
        logits: [C, V] of the first canvas.
        budget: tokens that may be generated.

    Returns:
        [C, V]; the given one if there is nothing to decide.
    """
    special = _special_openings(grammar, budget)
    if special is None:
        return logits
    ids = torch.from_numpy(special).to(logits.device)
    first = torch.full_like(logits[0], -torch.inf)
    if torch.softmax(logits[0], dim=-1)[ids].sum() >= 0.5:
        first[ids] = logits[0, ids]
    else:
        first.copy_(logits[0])
        first[ids] = -torch.inf
    return torch.cat((first[None], logits[1:]))


def _special_openings(
    grammar: TokenGrammar, budget: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]] | None:
    """The special tokens that may come first, if both one of them and text may; the end of the turn is text."""
    vocabulary, classes = grammar.vocabulary, grammar.classes
    alive = np.zeros(classes.count, np.bool_)
    for edge in range(grammar.edge_start[grammar.start], grammar.edge_start[grammar.start + 1]):
        if grammar.distance[grammar.edge_target[edge]] <= budget - 1:
            label = grammar.edge_label[edge]
            alive[classes.label_class[classes.label_start[label] : classes.label_start[label + 1]]] = True
    special = np.array(sorted(set(vocabulary.special.values()) - vocabulary.eos_ids), np.int64)
    opening = special[alive[classes.token_class[special]]]
    alive[classes.token_class[opening]] = False
    return opening if len(opening) and alive.any() else None
