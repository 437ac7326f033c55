"""Warm-up: all that a first constrained request would otherwise compile while others wait."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import torch

from agentfast.runtime.adapters.vllm.requests.compiled import Grammars
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from agentfast.runtime.confidence.evidence import CanvasEvidence
from agentfast.runtime.decoding.acceptance import accept
from agentfast.runtime.decoding.first_token import restrict_first_token
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.exact import canvas_posterior
from agentfast.runtime.posterior.registry import ops_for

_CANVAS: Final = 8
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1},
        "name": {"type": "string", "maxLength": 5},
        "kind": {"enum": ["a", "ab"]},
        "sizes": {"type": "array", "items": {"type": "number"}},
        "free": {"type": "string"},
    },
    "required": ["id"],
}


def warm_up(grammars: Grammars, device: torch.device) -> None:
    """Compile kernels, or load those compiled before, and the tree of the vocabulary."""
    grammar = grammars.compile(Constraint({"json": _SCHEMA}))
    logits = torch.zeros(_CANVAS, grammar.vocabulary.size, device=device)
    budget = grammar.min_tokens(grammar.start) + _CANVAS
    first = restrict_first_token(logits, grammar, budget)
    row = CanvasRow(logits, grammar, grammar.start, budget, np.zeros(_CANVAS), 0.5, first)
    batch = canvas_posterior([row])
    batch.marginals([(0, _CANVAS)])
    posterior = batch[0]
    assert not isinstance(posterior, Exception), posterior
    accept(posterior.entropy, 0.1)
    tokens = posterior.best[: posterior.length]
    CanvasEvidence(logits, grammar, grammar.start, budget, tokens, ops_for(device))
