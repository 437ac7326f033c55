"""Layout of a ragged batch: the place of each row's tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agentfast.runtime.scheduling.batch import ScheduledRow as ScheduledRow


@dataclass(slots=True, eq=False)
class Span:
    """A row's part of a ragged batch.

    Attributes:
        encode: its encode tokens, a slice of the batch's tokens; they are positions [start, prefix).
        canvas: its canvas tokens, a slice of the batch's tokens; empty if there is none.
        start: position of the first encode token.
    """

    encode: slice
    canvas: slice
    start: int

    @property
    def prefix(self) -> int:
        """Positions in the cache once the encode tokens are written."""
        return self.start + self.encodes

    @property
    def encodes(self) -> int:
        return _length(self.encode)

    @property
    def denoises(self) -> int:
        return _length(self.canvas)


def spans_of(rows: Sequence[ScheduledRow]) -> list[Span]:
    """Lay out the rows of a batch: all encode tokens come first, in the order of the rows."""
    spans: list[Span] = []
    token, canvas = 0, sum(row.stop - row.start for row in rows)
    for row in rows:
        encode = slice(token, token + row.stop - row.start)
        denoise = slice(canvas, canvas + row.canvas_tokens)
        token, canvas = encode.stop, denoise.stop
        spans.append(Span(encode, denoise, row.start))
    return spans


def _length(part: slice) -> int:
    length: int = part.stop - part.start
    return length
