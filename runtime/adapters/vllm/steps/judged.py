"""Posteriors of constrained rows, each with its own error if it meets one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.steps.effects import Place
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.decoding.first_token import restrict_first_token
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow, PosteriorBatch
from agentfast.runtime.posterior.exact import canvas_posterior


@dataclass(slots=True)
class Judged:
    """One row's part of a posterior, or the error it met."""

    canvas: CanvasRow | None
    batch: PosteriorBatch | None = None
    index: int = 0
    error: Exception | None = None

    def row(self) -> CanvasRow:
        """The posterior's input.

        Raises:
            Exception: the row's.
        """
        if self.canvas is None:
            assert self.error is not None
            raise self.error
        return self.canvas

    def posterior(self) -> CanvasPosterior:
        """The posterior.

        Raises:
            Exception: the row's.
        """
        if self.batch is None:
            assert self.error is not None
            raise self.error
        found = self.batch[self.index]
        if isinstance(found, GrammarError):
            raise found
        return found

    def marginals(self) -> torch.Tensor:
        """[C, V] token marginals, good until the next batch is judged.

        Raises:
            Exception: the row has no posterior on this rank, or there is no memory.
        """
        count = len(self.posterior().best)
        assert self.batch is not None
        return self.batch.marginals([(self.index, count)])[0]


def judge(places: Sequence[Place], logits: torch.Tensor, generation: GenerationDefaults) -> list[Judged]:
    """The posteriors of some rows, in one call; one by one if that fails, to learn whose fault it was.

    The logits' first positions may be written to; see `restrict_first_token`.
    """
    try:
        canvases = [_canvas(place, logits, generation) for place in places]
        batch = canvas_posterior(canvases)
        return [Judged(canvas, batch, index) for index, canvas in enumerate(canvases)]
    except Exception as error:  # noqa: BLE001 - a bug that one row meets is that row's alone
        if len(places) == 1:
            return [Judged(None, error=error)]
        return [one for place in places for one in judge([place], logits, generation)]


def _canvas(place: Place, logits: torch.Tensor, generation: GenerationDefaults) -> CanvasRow:
    """The posterior's input. Where a turn may begin in several ways, this writes to the first position's logits."""
    row = place.row
    lines = logits[place.start : place.start + place.count].float()
    first = None if row.generated else restrict_first_token(lines, row.grammar, row.budget)
    uniforms, temperature = row.uniforms(place.count), row.temperature(generation)
    return CanvasRow(lines, row.grammar, row.state, row.budget, uniforms, temperature, first)
