"""Where rows are in a batch, and what is kept of what they read."""

from __future__ import annotations

import torch

from agentfast.runtime.spans import Context


def test_panels_that_are_too_small_for_a_canvas_are_forgotten_and_larger_ones_are_kept() -> None:
    context = Context(torch.arange(4), [None, None])
    context.make_room(12)
    panels = torch.empty(1), torch.empty(1)
    context.layers[1] = panels
    context.make_room(9)
    assert context.layers[1] is panels
    assert context.capacity == 12
    context.make_room(13)
    assert context.layers == [None, None]
    assert context.capacity == 13
