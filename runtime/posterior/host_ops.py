"""Operations on logits in host memory, by compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from agentfast.runtime.core.scratch import ScratchBuffers
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.posterior.base import TokenStatistics
from agentfast.runtime.posterior.class_logits import (
    Bools,
    ClassLogits,
    Doubles,
    Floats,
    Ints,
    Longs,
    check_logits,
)
from agentfast.runtime.posterior.kernels import class_logits as kernels
from agentfast.runtime.posterior.kernels.unconstrained import read
from agentfast.runtime.posterior.parallel import in_parts


@dataclass(frozen=True, eq=False)
class HostClassLogits(ClassLogits):
    """Class logits with the same by chunk, see `ClassChunks`.

    Attributes:
        chunk_top, chunk_mass: [C, P].
    """

    chunk_top: Floats
    chunk_mass: Floats

    def first_tokens(self, chosen: Ints) -> Longs:
        chunks = self.classes.chunks
        return kernels.first_tokens(
            self.logits.numpy(),
            np.float32(self.inverse),
            chosen,
            self.top,
            chunks.token_order,
            chunks.start,
            chunks.of_class,
            self.chunk_top,
        )

    def draw(self, chosen: Ints, left: Doubles) -> Longs:
        chunks = self.classes.chunks
        return kernels.drawn_tokens(
            self.logits.numpy(),
            np.float32(self.inverse),
            chosen,
            left,
            self.top,
            self.mass,
            chunks.token_order,
            chunks.start,
            chunks.of_class,
            self.chunk_top,
            self.chunk_mass,
        )


class HostOps:
    """`LogitsOps` on float32 logits in host memory."""

    def __init__(self) -> None:
        self._scratch = ScratchBuffers()

    def scratch(self, count: int, vocabulary_size: int) -> torch.Tensor:
        return torch.from_numpy(self._scratch.floats("marginals", count, vocabulary_size))

    def reduce(
        self,
        logits: torch.Tensor,
        classes: TokenClasses,
        *,
        temperature: float = 1.0,
        wanted: Bools | None = None,
    ) -> HostClassLogits:
        logits = logits.detach().to(torch.float32).contiguous()
        positions = len(logits)
        chunks = classes.chunks
        chunk_top, chunk_mass = (np.empty((positions, chunks.count), np.float32) for _ in range(2))
        top, mass, mean = (np.empty((positions, classes.count), np.float64) for _ in range(3))
        values = logits.numpy()
        asked = np.ones(top.shape, np.bool_) if wanted is None else wanted

        def reduce(part: slice) -> int:
            return kernels.reduce_to_classes(
                values[part],
                np.float32(1 / temperature),
                asked[part],
                chunks.token_order,
                chunks.start,
                chunks.class_of,
                chunks.chunk,
                chunk_top[part],
                chunk_mass[part],
                top[part],
                mass[part],
                mean[part],
            )

        check_logits(max(in_parts(reduce, positions, values.size)) < 0)
        return HostClassLogits(logits, 1 / temperature, classes, top, mass, mean, chunk_top, chunk_mass)

    def spread(
        self,
        logits: torch.Tensor,
        bias: Floats,
        classes: TokenClasses,
        *,
        temperature: float,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        logits = logits.detach().to(torch.float32).contiguous()
        p = torch.empty_like(logits) if out is None else out
        values, filled = logits.numpy(), p.numpy()

        def fill(part: slice) -> None:
            inverse = np.float32(1 / temperature)
            kernels.spread(values[part], inverse, bias[part], classes.token_class, filled[part])

        in_parts(fill, len(logits), values.size)
        return p

    def statistics(
        self, logits: Sequence[torch.Tensor], temperatures: Floats, uniforms: Doubles, out: torch.Tensor
    ) -> TokenStatistics:
        n = len(out)
        best, sample, entropy = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.float32)
        p = out.numpy()
        start = 0
        for part in logits:
            span = slice(start, start + len(part))
            start = span.stop
            read(
                part.numpy(),
                temperatures[span],
                uniforms[span],
                p[span],
                best[span],
                sample[span],
                entropy[span],
            )
        return TokenStatistics(best, sample, entropy, out)

    def columns(self, logits: torch.Tensor, tokens: Longs) -> tuple[Floats, Longs]:
        return logits.float().contiguous().numpy(), tokens

    def gather(self, logits: torch.Tensor, tokens: Longs) -> Doubles:
        values = logits.float().contiguous().numpy()
        return values[np.arange(len(tokens)), tokens].astype(np.float64)
