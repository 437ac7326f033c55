"""The posterior without a grammar: independent token distributions, the one-state automaton's fast path."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow, LogitsOps


def unconstrained_posteriors(rows: Sequence[CanvasRow], ops: LogitsOps, out: Tensor) -> list[CanvasPosterior]:
    """Posteriors of rows without a grammar, in one pass; `out` [N, V] takes their marginals, row after row."""
    counts = [len(row.logits) for row in rows]
    temperatures = [np.full(n, row.temperature, np.float32) for n, row in zip(counts, rows, strict=True)]
    uniforms = [
        np.zeros(n) if row.uniforms is None else row.uniforms for n, row in zip(counts, rows, strict=True)
    ]
    logits = [row.logits for row in rows]
    found = ops.statistics(logits, np.concatenate(temperatures), np.concatenate(uniforms), out)
    posteriors: list[CanvasPosterior] = []
    start = 0
    for count, row in zip(counts, rows, strict=True):
        span = slice(start, start + count)
        start = span.stop
        best = found.best[span]
        sample = best if row.uniforms is None else found.sample[span]
        posteriors.append(CanvasPosterior(best, sample, found.entropy[span], count, 0))
    return posteriors


def invert(p: Tensor, uniforms: Tensor) -> Tensor:
    """The first token whose cumulative probability exceeds the uniform number: [N, V], [N] -> [N] int64."""
    cumulative = p.double().cumsum(dim=-1)
    total = cumulative[:, -1:]
    below = torch.nextafter(
        total, torch.zeros_like(total)
    )  # rounding must not lead past the last possible token
    wanted = torch.minimum(uniforms.double()[:, None] * total, below)
    return torch.searchsorted(cumulative, wanted, right=True)[:, 0]
