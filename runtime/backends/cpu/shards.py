"""Shards of a batch on a CPU, each for a thread of its own.

The operations of a small model take microseconds: threads inside them cost more than they give, while whole parts of
the batch run side by side well, since operations release the interpreter lock. A large model is the opposite: its
weights are read from memory for each part anew, so it runs in one part with threads inside its operations. A batch that
is too small for parts is shared token by token (see kernels/barrier.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.scheduling.batch import ScheduledRow

TOKENS_PER_SHARD: Final = 48
"""Fewer do not pay for a thread."""


_CANVAS_TOKEN: Final = 2.0
"""Cost of a canvas token, logits and decoding included, where an encode token costs 1."""

_KEYS: Final = 600
"""So many keys to attend to, in each layer, cost as much as an encode token."""


class Cost:
    """Estimated cost of a row, in encode tokens."""

    def __init__(self, config: ModelConfig) -> None:
        windows = Counter(config.attention(layer).window for layer in range(len(config.layers)))
        self._shares = [(window, count / len(config.layers)) for window, count in windows.items()]

    def __call__(self, row: ScheduledRow) -> float:
        encodes = row.stop - row.start
        canvas, encode = row.stop + row.canvas_tokens, (row.start + row.stop) / 2
        seen = sum(
            share * (row.canvas_tokens * _within(canvas, window) + encodes * _within(encode, window))
            for window, share in self._shares
        )
        return encodes + _CANVAS_TOKEN * row.canvas_tokens + seen / _KEYS


def _within(positions: float, window: int | None) -> float:
    return positions if window is None else min(positions, window)


def shards_of(
    rows: Sequence[ScheduledRow],
    most: int,
    cost: Callable[[ScheduledRow], float],
    uneven: float = float("inf"),
) -> list[tuple[ScheduledRow, ...]]:
    """At most `most` parts of about equal cost, each in the order of the rows.

    The dearest row goes first, and each where there is least as yet (Graham 1969).

    Args:
        uneven: there is one part only if the dearest of several would cost more than so many times its fair share.
    """
    total = sum(row.tokens for row in rows)
    count = max(1, min(most, len(rows), total // TOKENS_PER_SHARD))
    costs = [cost(row) for row in rows]
    sums = [0.0] * count
    shards: list[list[int]] = [[] for _ in range(count)]
    for i in sorted(range(len(rows)), key=costs.__getitem__, reverse=True):
        least = sums.index(min(sums))
        shards[least].append(i)
        sums[least] += costs[i]
    if max(sums) * count > uneven * sum(sums):
        return [tuple(rows)]
    return [tuple(rows[i] for i in sorted(shard)) for shard in shards]
