"""Statistics of token distributions without a grammar: the one-state automaton's fast path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Reading:
    """Per position of [N, V] logits.

    Attributes:
        best: [N] int64, the most likely token.
        sample: [N] int64, a token drawn by inverting the distribution at the position's uniform number.
        entropy: [N] float32, nats.
        probabilities: [N, V] float32, on the logits' device.
    """

    best: NDArray[np.int64]
    sample: NDArray[np.int64]
    entropy: NDArray[np.float32]
    probabilities: Tensor


def read_logits(logits: Tensor, uniforms: NDArray[np.float64]) -> Reading:
    """logits [N, V] float32, already tempered; uniforms [N] in [0, 1)."""
    log_p = torch.log_softmax(logits, dim=-1)
    p = log_p.exp()
    entropy = -(p * log_p).nan_to_num(0.0).sum(dim=-1)  # p log p is 0 at p = 0
    return Reading(
        best=logits.argmax(dim=-1).cpu().numpy(),
        sample=invert(p, torch.from_numpy(uniforms).to(p.device)).cpu().numpy(),
        entropy=entropy.cpu().numpy(),
        probabilities=p,
    )


def invert(p: Tensor, uniforms: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds the uniform number: [N, V], [N] -> [N] int64."""
    cumulative = p.double().cumsum(dim=-1)
    wanted = uniforms.double()[:, None] * cumulative[:, -1:]
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0].clamp_(max=p.shape[-1] - 1)
