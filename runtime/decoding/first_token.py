"""The first token of a turn: a special token such as that of a call, text, or the end."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar


def restrict_first_token(
    logits: Tensor, grammar: TokenGrammar, budget: int, next_logits: Tensor | None = None
) -> bytes | None:
    """Restrict the first position to the likeliest kind of token where a turn may open with a special token or with text.

    The posterior weighs whole canvases. While a canvas is noise, that favours what binds fewer tokens: text over a
    call, all of whose letters have to fit, and an early end over text. A model that writes token after token would
    decide by the first one alone; so does this, and by that model's word for it where it is at hand.

    Args:
        logits: [C, V] of the first canvas; tokens that are ruled out become -inf.
        budget: tokens that may be generated.
        next_logits: [V], what the causal pass over the prompt expects first.

    Returns:
        The edges of the grammar's start that are left, see `TrellisCache.trellis`; None if there is nothing to decide.
    """
    found = _kinds_of(grammar, min(budget, 1 + grammar.longest))  # above this every budget is the same
    if found is None:
        return None
    kinds = found.kinds.to(logits.device).long()
    mass = torch.zeros(4, device=logits.device)
    mass.index_add_(0, kinds, torch.softmax(logits[0] if next_logits is None else next_logits, dim=-1))
    kind = cast(int, mass[:_NONE].argmax().item())
    logits[0].masked_fill_(kinds != kind, -torch.inf)
    return found.first[kind]


_TEXT, _SPECIAL, _END, _NONE = range(4)


@dataclass(frozen=True, slots=True)
class _FirstTokenKinds:
    """Kind of turn that each token opens, [V] int8; and for each kind the edges that it may take."""

    kinds: Tensor
    first: tuple[bytes, ...]


@lru_cache(maxsize=64)
def _kinds_of(grammar: TokenGrammar, budget: int) -> _FirstTokenKinds | None:
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
    return _FirstTokenKinds(torch.from_numpy(kinds), tuple(first))


def _edges(grammar: TokenGrammar) -> range:
    """Those of the grammar's start."""
    return range(int(grammar.edge_start[grammar.start]), int(grammar.edge_start[grammar.start + 1]))


def _classes_of(grammar: TokenGrammar, edge: int) -> NDArray[np.int32]:
    """Those of the tokens that take an edge."""
    classes, label = grammar.classes, grammar.edge_label[edge]
    return classes.label_class[classes.label_start[label] : classes.label_start[label + 1]]
