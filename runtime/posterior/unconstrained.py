"""Statistics of token distributions without a grammar: the one-state automaton's fast path."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.posterior import unconstrained_kernels as kernels


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


def read_logits(
    logits: Tensor,
    temperatures: NDArray[np.float32],
    uniforms: NDArray[np.float64],
    out: Tensor | None = None,
) -> Reading:
    """logits [N, V] float32, finite; temperatures [N] above 0; uniforms [N] in [0, 1).

    Args:
        out: [N, V], where the probabilities may go.
    """
    if logits.is_cuda:
        return read_logits_plainly(logits, temperatures, uniforms)
    n = len(logits)
    p = torch.empty_like(logits) if out is None else out
    best, sample = np.empty(n, np.int64), np.empty(n, np.int64)
    entropy = np.empty(n, np.float32)
    kernels.read(logits.numpy(), temperatures, uniforms, p.numpy(), best, sample, entropy)
    return Reading(best, sample, entropy, p)


def read_logits_plainly(
    logits: Tensor, temperatures: NDArray[np.float32], uniforms: NDArray[np.float64]
) -> Reading:
    """The same in torch, for any device; the kernel's reference."""
    log_p = torch.log_softmax(logits / torch.from_numpy(temperatures).to(logits.device)[:, None], dim=-1)
    p = log_p.exp()
    return Reading(
        best=logits.argmax(dim=-1).cpu().numpy(),
        sample=invert(p, torch.from_numpy(uniforms).to(p.device)).cpu().numpy(),
        entropy=-(p * log_p).sum(dim=-1).cpu().numpy(),
        probabilities=p,
    )


def invert(p: Tensor, uniforms: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds the uniform number: [N, V], [N] -> [N] int64."""
    cumulative = p.double().cumsum(dim=-1)
    total = cumulative[:, -1:]
    below = torch.nextafter(
        total, torch.zeros_like(total)
    )  # rounding must not lead past the last possible token
    wanted = torch.minimum(uniforms.double()[:, None] * total, below)
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0]
