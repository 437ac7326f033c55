"""How a turn opens: with a special token, such as that of a call, with text, or with its end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar


def settle_opening(
    logits: Tensor, grammar: TokenGrammar, budget: int, ahead: Tensor | None = None
) -> bytes | None:
    """Where a turn may open with a special token or with text, rule out what its first position finds less likely.

    The posterior weighs whole canvases. While a canvas is noise, that favours what binds fewer tokens: text over a
    call, all of whose letters have to fit, and an early end over text. A model that writes token after token would
    decide by the first one alone; so does this, and by that model's word for it where it is at hand.

    Args:
        logits: [C, V] of the first canvas; what is ruled out becomes -inf.
        budget: tokens that may be generated.
        ahead: [V], what the causal pass over the prompt expects first.

    Returns:
        Which edges of the grammar's start are left, see `PlanCache.plan`; None if there is nothing to decide.
    """
    ways = _ways(grammar, min(budget, 1 + grammar.longest))  # above this every budget is the same
    if ways is None:
        return None
    kinds = ways.kinds.to(logits.device).long()
    mass = torch.zeros(4, device=logits.device)
    mass.index_add_(0, kinds, torch.softmax(logits[0] if ahead is None else ahead, dim=-1))
    kind = cast(int, mass[:_NONE].argmax().item())
    logits[0].masked_fill_(kinds != kind, -torch.inf)
    return ways.first[kind]


_TEXT, _SPECIAL, _END, _NONE = range(4)


@dataclass(frozen=True, slots=True)
class _Ways:
    """How a turn that opens with each token opens, [V] int8; and for each such way the edges that it may take."""

    kinds: Tensor
    first: tuple[bytes, ...]


@lru_cache(maxsize=64)
def _ways(grammar: TokenGrammar, budget: int) -> _Ways | None:
    """None if not both a special token and text may come first."""
    vocabulary, classes = grammar.vocabulary, grammar.classes
    edges = [_classes_of(grammar, edge) for edge in _edges(grammar)]
    alive = np.zeros(classes.count, np.bool_)
    for edge, found in zip(_edges(grammar), edges, strict=True):
        alive[found] |= grammar.distance[grammar.edge_target[edge]] <= budget - 1
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
    first: list[bytes] = []
    for kind in range(_NONE):
        has = np.zeros(classes.count, np.bool_)
        has[classes.token_class[kinds == kind]] = True
        first.append(bytes(bool(has[found].any()) for found in edges))
    return _Ways(torch.from_numpy(kinds), tuple(first))


def _edges(grammar: TokenGrammar) -> range:
    """Those of the grammar's start."""
    return range(int(grammar.edge_start[grammar.start]), int(grammar.edge_start[grammar.start + 1]))


def _classes_of(grammar: TokenGrammar, edge: int) -> NDArray[np.int32]:
    """Those of the tokens that take an edge."""
    classes, label = grammar.classes, grammar.edge_label[edge]
    return classes.label_class[classes.label_start[label] : classes.label_start[label + 1]]
