"""The state of canvases as vLLM keeps it: tensors by slot, written in a few operations for all rows of a step.

These are the tensors that a hook for constraints in vLLM would read and write; see docs/vllm.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

Longs = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class CanvasTensors:
    """vLLM's tensors. R slots, canvases of up to C tokens, H hidden.

    Attributes:
        canvas: [R, C] int64, what the next pass reads.
        draft_tokens: [R, >= C], a copy of it, from which the runner takes the next pass's input.
        argmax_canvas: [R, C] int64, what a committing pass emits.
        is_encoder_phase: [R] bool, whether the next pass is causal: it encodes the canvas and emits it.
        self_conditioning: [R, C, H] float32, mean embeddings under the last step's marginals.
    """

    canvas: torch.Tensor
    draft_tokens: torch.Tensor
    argmax_canvas: torch.Tensor
    is_encoder_phase: torch.Tensor
    self_conditioning: torch.Tensor

    @property
    def canvas_length(self) -> int:
        """C."""
        return self.canvas.shape[1]


@dataclass(frozen=True, slots=True)
class CanvasWrite:
    """A write to one slot.

    Attributes:
        tokens: [n] the first positions of its canvas.
        best: [n] of its arg-max canvas; None leaves it as it is.
        settled: whether the next pass commits; None leaves this and the self-conditioning as they are, as while a
            prompt is read.
        soft: [n, H] self-conditioning; None: zeros.
    """

    slot: int
    tokens: Longs
    best: Longs | None = None
    settled: bool | None = None
    soft: torch.Tensor | None = None


def write_canvases(writes: Sequence[CanvasWrite], tensors: CanvasTensors) -> None:
    """Write all slots of a step, with one copy to the device of each kind."""
    if not writes:
        return
    device = tensors.canvas.device
    tokens = _scattered([(write.slot, write.tokens) for write in writes], tensors.canvas)
    _scatter(tokens, tensors.canvas)
    _scatter(tokens, tensors.draft_tokens)
    best = [(write.slot, write.best) for write in writes if write.best is not None]
    if best:
        _scatter(_scattered(best, tensors.argmax_canvas), tensors.argmax_canvas)
    phases = [write for write in writes if write.settled is not None]
    if phases:
        slots = torch.tensor([write.slot for write in phases], device=device)
        tensors.is_encoder_phase[slots] = torch.tensor(
            [bool(write.settled) for write in phases], device=device
        )
        tensors.self_conditioning[slots] = 0
    for write in phases:
        if write.soft is not None:
            soft = write.soft.to(tensors.self_conditioning.dtype)
            tensors.self_conditioning[write.slot, : len(soft)] = soft


Scattered = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _scattered(parts: Sequence[tuple[int, Longs]], like: torch.Tensor) -> Scattered:
    """Slots, positions and values of tokens, [n] each, on a tensor's device."""
    slots = np.repeat([slot for slot, _ in parts], [len(tokens) for _, tokens in parts])
    positions = np.concatenate([np.arange(len(tokens)) for _, tokens in parts])
    values = np.concatenate([tokens for _, tokens in parts])
    together = torch.from_numpy(np.stack([slots, positions, values]).astype(np.int64)).to(like.device)
    return together[0], together[1], together[2]


def _scatter(scattered: Scattered, to: torch.Tensor) -> None:
    slots, positions, values = scattered
    to[slots, positions] = values.to(to.dtype)
