"""The cost of a grammar in one denoising step: the constrained posterior against bare softmax and arg-max."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior
from agentfast.runtime.posterior.exact import canvas_posterior


@dataclass(frozen=True)
class StepCost:
    """Milliseconds of one step on one canvas, each the median of the repeats.

    Attributes:
        constrained: best and sampled canvas, entropies, and the [C, V] marginals that the next step is conditioned on,
            written into a tensor at hand as the decoder does.
        bare: `torch.softmax` and `argmax` of the same logits.
        bare_at_hand: the same into a tensor at hand.
        spread: the least and the greatest quotient of constrained and bare in one repeat.
    """

    constrained: float
    bare: float
    bare_at_hand: float
    spread: tuple[float, float]

    @property
    def overhead_pct(self) -> float:
        """Overhead of the constrained step over the bare one as commonly written, in percent."""
        return round(100 * (self.constrained / self.bare - 1), 1)

    @property
    def overhead_at_hand_pct(self) -> float:
        """Overhead over the bare step into preallocated memory, the stricter measure, in percent."""
        return round(100 * (self.constrained / self.bare_at_hand - 1), 1)


def step_cost(schema: dict[str, Any], vocabulary: Vocabulary, canvas: int, repeats: int) -> StepCost:
    """Measure on random logits, variants interleaved; the canvas's trellis is cached, as from its second step on."""
    grammar = compile_schema(schema).compile(vocabulary)
    random = np.random.default_rng(0)
    values = 4 * random.standard_normal((canvas, vocabulary.size), dtype=np.float32)
    logits = torch.from_numpy(values)
    scratch = torch.empty_like(logits)
    row = CanvasRow(logits, grammar, grammar.start, 4 * canvas, random.random(canvas))

    def constrained() -> None:
        (posterior,) = canvas_posterior([row])
        assert isinstance(posterior, ConstrainedPosterior)
        posterior.marginals(logits, out=scratch)

    def bare() -> None:
        torch.softmax(logits, dim=-1)
        logits.argmax(dim=-1)

    def bare_at_hand() -> None:
        torch.softmax(logits, dim=-1, out=scratch)
        logits.argmax(dim=-1)

    variants = (constrained, bare, bare_at_hand)
    for variant in variants:
        variant()
    times: list[list[float]] = []
    for _ in range(repeats):
        times.append([])
        for variant in variants:
            began = perf_counter()
            variant()
            times[-1].append(1e3 * (perf_counter() - began))
    middle = [median(column) for column in zip(*times, strict=True)]
    quotients = [ours / theirs for ours, theirs, _ in times]
    return StepCost(middle[0], middle[1], middle[2], (min(quotients), max(quotients)))
