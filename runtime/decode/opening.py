"""How a turn opens: with a special token, such as that of a call, with text, or with its end."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
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
    kinds = _kinds(grammar, min(budget, 1 + grammar.longest))  # above this every budget is the same
    if kinds is None:
        return logits
    given = kinds.to(logits.device).long()
    mass = torch.zeros(4, device=logits.device)
    mass.index_add_(0, given, torch.softmax(logits[0] if ahead is None else ahead, dim=-1))
    settled = logits[:1].masked_fill(given != mass[:_NONE].argmax(), -torch.inf)
    return torch.cat((settled, logits[1:]))


_TEXT, _SPECIAL, _END, _NONE = range(4)


@lru_cache(maxsize=64)
def _kinds(grammar: TokenGrammar, budget: int) -> Tensor | None:
    """[V] int8, how a turn that opens with each token opens; None if not both a special token and text may come first."""
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
    if not len(opening) or not alive.any():
        return None
    kinds = np.full(vocabulary.size, _TEXT, np.int8)
    kinds[opening] = _SPECIAL
    kinds[sorted(vocabulary.eos_ids)] = _END if may_end else _NONE
    return torch.from_numpy(kinds)
