"""A constrained row's place in a batch, and the effects of a step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasWrite
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Place:
    """A constrained row in a batch.

    Attributes:
        index: among the batch's requests.
        slot: in vLLM's tensors.
        start, count: its positions in the batch's logits; none while its prompt is read.
    """

    row: ConstrainedRow
    index: int
    slot: int
    start: int
    count: int


@dataclass(frozen=True, slots=True)
class Emission:
    """Tokens that a commit emits.

    Attributes:
        count: at most so many.
        tokens: [>= count] they are the first of these.
        log_p: [length] of each up to the end token, given those before it; None where nobody asked.
    """

    count: int
    tokens: Longs
    log_p: NDArray[np.float64] | None


@dataclass(slots=True)
class Step:
    """Effects of a step.

    Attributes:
        writes: to vLLM's tensors.
        emissions: of the requests that commit, by index in the batch: how many tokens they emit at most, and the log
            probabilities of these, if they are asked for.
        failures: indices of requests that end with an error.
        judged: rows that took a denoising step.
    """

    writes: list[CanvasWrite] = field(default_factory=list[CanvasWrite])
    emissions: dict[int, Emission] = field(default_factory=dict[int, "Emission"])
    failures: list[int] = field(default_factory=list[int])
    judged: int = 0
