"""Rows as an engine makes them."""

from __future__ import annotations

import numpy as np

from agentfast.runtime.scheduling.request import Request
from agentfast.runtime.scheduling.row import Canvas, Row
from tests.support.engine_kit import VOCABULARY


def make_row(index: int, canvas: int, blocks: list[int]) -> Row:
    """A row with a random prompt of 80 tokens and, unless `canvas` is 0, a random canvas of so many."""
    rng = np.random.default_rng(index)
    tokens = tuple(int(token) for token in rng.integers(0, VOCABULARY, 80))
    made = Row(
        request=Request(tokens, max_tokens=1),
        decoding=None,
        max_kv_positions=len(tokens),
        keys=[],
        submitted=0.0,
    )
    made.blocks = blocks
    if canvas:
        made.canvas = Canvas(rng.integers(0, VOCABULARY, canvas))
    return made
