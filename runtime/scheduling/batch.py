"""The batch: the rows of one forward pass and their parts in it."""

from __future__ import annotations

from dataclasses import dataclass, field

from agentfast.runtime.scheduling.row import Row


@dataclass(frozen=True, slots=True)
class ScheduledRow:
    """A row's part in one forward pass: encode positions [start, stop), and take a decoding step or not.

    Both may happen in the same pass: each layer writes the encoded keys and values before anyone reads them.

    Attributes:
        reads_in_flight: it reads blocks that another row encodes in this very pass.
        canvas_tokens: tokens of the row's canvas, if the step denoises one.
        logit_positions: number of encode positions, from the end, whose next token's logits are wanted.
    """

    row: Row
    start: int
    stop: int
    decode: bool
    reads_in_flight: bool = False
    canvas_tokens: int = field(init=False)
    logit_positions: int = field(init=False)

    def __post_init__(self) -> None:
        row, encodes = self.row, self.stop - self.start
        complete = row.wants_next_logits and (self.decode or self.stop == len(row.tokens))
        wanted = encodes if row.provisional_tokens else min(1, encodes)
        object.__setattr__(self, "canvas_tokens", row.canvas_tokens if self.decode else 0)
        object.__setattr__(self, "logit_positions", wanted if complete else 0)

    @property
    def tokens(self) -> int:
        """Tokens in the pass, encoded and denoised."""
        return self.stop - self.start + self.canvas_tokens


@dataclass(frozen=True, slots=True)
class Batch:
    """One forward pass."""

    rows: tuple[ScheduledRow, ...]

    @property
    def tokens(self) -> int:
        """Tokens in the pass, encoded and denoised."""
        return sum(row.tokens for row in self.rows)

    def __bool__(self) -> bool:
        return bool(self.rows)
