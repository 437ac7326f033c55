"""The exact posterior of a batch of canvases, each with a grammar of its own or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch

from agentfast.errors import GrammarError
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow, LogitsOps, PosteriorBatch
from agentfast.runtime.posterior.constrained import ConstrainedPosterior, constrained_posterior
from agentfast.runtime.posterior.device.ops import DevicePosterior, TritonOps
from agentfast.runtime.posterior.registry import ops_for
from agentfast.runtime.posterior.unconstrained import unconstrained_posteriors

Result = CanvasPosterior | GrammarError


class ExactPosteriorBatch(PosteriorBatch):
    """The posteriors of a batch, with memory for their marginals; see `PosteriorBatch`."""

    def __init__(self, rows: Sequence[CanvasRow], ops: LogitsOps) -> None:
        self._rows = rows
        self._starts = [0]
        for row in rows:
            self._starts.append(self._starts[-1] + len(row.logits))
        self._memory: torch.Tensor | None = None
        self._ops = ops
        self._results: dict[int, Result] = {}
        self._read_free([i for i, row in enumerate(rows) if row.grammar is None])
        bound = [i for i, row in enumerate(rows) if row.grammar is not None]
        self._results.update(zip(bound, _constrained([rows[i] for i in bound], ops), strict=True))

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> list[Result]: ...
    def __getitem__(self, index: int | slice) -> Result | list[Result]:
        if isinstance(index, slice):
            return [self._results[i] for i in range(len(self._rows))[index]]
        return self._results[range(len(self._rows))[index]]

    def __len__(self) -> int:
        return len(self._rows)

    def marginals(self, wanted: Sequence[tuple[int, int]]) -> list[torch.Tensor]:
        memory = self._lines()
        runs: list[tuple[int, int]] = []
        for index, count in wanted:
            start, stop = self._starts[index], self._starts[index] + count
            result = self._results[index]
            if isinstance(result, ConstrainedPosterior | DevicePosterior):
                result.marginals(self._rows[index].logits, out=memory[start : self._starts[index + 1]])
            if runs and runs[-1][1] == start:
                start = runs.pop()[0]
            runs.append((start, stop))
        return [memory[start:stop] for start, stop in runs]

    def _read_free(self, free: list[int]) -> None:
        """Compute the rows without a grammar: those that stand together in one pass."""
        for first, stop in _runs(free):
            lines = self._lines()[self._starts[first] : self._starts[stop]]
            found = unconstrained_posteriors(self._rows[first:stop], self._ops, lines)
            self._results.update(zip(range(first, stop), found, strict=True))

    def _lines(self) -> torch.Tensor:
        if self._memory is None:
            self._memory = self._ops.scratch(self._starts[-1], self._rows[0].logits.shape[1])
        return self._memory


class ExactPosterior:
    """`Posterior` by dynamic programming over token classes."""

    def __init__(self, ops: LogitsOps) -> None:
        self.ops = ops

    def __call__(self, rows: Sequence[CanvasRow]) -> ExactPosteriorBatch:
        """Compute the posterior of each row."""
        return ExactPosteriorBatch(rows, self.ops)


def canvas_posterior(rows: Sequence[CanvasRow]) -> ExactPosteriorBatch:
    """Compute the posterior of each row, on the device of its logits. All rows lie on one device."""
    return ExactPosteriorBatch(rows, ops_for(rows[0].logits.device))


def _constrained(rows: Sequence[CanvasRow], ops: LogitsOps) -> Sequence[Result]:
    """Posteriors of rows with grammars: on a device all together, else row by row."""
    if isinstance(ops, TritonOps):
        return ops.constrained(rows)
    return [_one(row, ops) for row in rows]


def _one(row: CanvasRow, ops: LogitsOps) -> Result:
    assert row.grammar is not None
    try:
        return constrained_posterior(row, row.grammar, ops)
    except GrammarError as error:
        return error


def _runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """Stretches [first, stop) of consecutive indices."""
    runs: list[tuple[int, int]] = []
    for index in indices:
        first = runs.pop()[0] if runs and runs[-1][1] == index else index
        runs.append((first, index + 1))
    return runs
