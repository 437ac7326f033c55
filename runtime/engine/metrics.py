"""Counters of what the engine did. The step loop writes them; anyone may read a snapshot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass

from agentfast.runtime.decoding.base import Outcome
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.row import Row


@dataclass(slots=True)
class Metrics:
    """Totals since the engine was made, and ratios of them.

    Attributes:
        forwards: forward passes. busy_s: seconds spent in steps, scheduling and decoding included.
        encoded_tokens, canvas_tokens: tokens that went through forward passes, by mode.
        batch_rows: rows, summed over the forward passes.
        submitted, completed, failed, aborted: requests.
        generated_tokens: tokens in completions, end tokens included.
        canvases: canvases committed. steps: decoding steps, summed over rows; a forward pass that verifies a canvas is
            one.
        prompt_tokens, cached_tokens: of completed requests; the latter were found in the cache.
    """

    forwards: int = 0
    busy_s: float = 0.0
    encoded_tokens: int = 0
    canvas_tokens: int = 0
    batch_rows: int = 0
    submitted: int = 0
    completed: int = 0
    failed: int = 0
    aborted: int = 0
    generated_tokens: int = 0
    canvases: int = 0
    steps: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0

    @property
    def mean_batch_rows(self) -> float:
        """Rows per forward pass."""
        return self.batch_rows / max(1, self.forwards)

    @property
    def mean_batch_tokens(self) -> float:
        """Tokens per forward pass, encoded and denoised."""
        return (self.encoded_tokens + self.canvas_tokens) / max(1, self.forwards)

    @property
    def tokens_per_forward(self) -> float:
        """Generated tokens per decoding step of a row: what a request alone gets from a forward pass."""
        return self.generated_tokens / max(1, self.steps)

    @property
    def steps_per_canvas(self) -> float:
        """Decoding steps per canvas."""
        return self.steps / max(1, self.canvases)

    @property
    def cache_hit_rate(self) -> float:
        """Share of prompt tokens that were not computed."""
        return self.cached_tokens / max(1, self.prompt_tokens)

    def snapshot(self) -> Metrics:
        """A copy that stands still."""
        return dataclasses.replace(self)

    def count_step(self, batch: Batch, outcomes: Iterable[Outcome]) -> None:
        """A step ran."""
        canvas_tokens = sum(row.canvas_tokens for row in batch.rows)
        self.forwards += 1
        self.batch_rows += len(batch.rows)
        self.canvas_tokens += canvas_tokens
        self.encoded_tokens += batch.tokens - canvas_tokens
        for outcome in outcomes:
            self.steps += outcome.steps if outcome.error is None else 0
            self.canvases += outcome.committed and outcome.canvas is not None

    def count_completion(self, row: Row, *, ended: bool) -> None:
        """A row is complete, with an end token or by its budget."""
        self.completed += 1
        self.generated_tokens += row.generated + ended
        self.prompt_tokens += len(row.request.prompt)
        self.cached_tokens += row.cached
