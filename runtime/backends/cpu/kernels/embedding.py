"""The two ends of the model on a CPU: tokens into vectors, and vectors into logits."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.kernels.barrier import TokenSlice, lines_of, wait_for_all
from agentfast.runtime.backends.cpu.kernels.layer import gated
from agentfast.runtime.backends.cpu.kernels.matmul import multiply, scratch_for
from agentfast.runtime.backends.cpu.kernels.norm import inverse_rms, norm
from agentfast.runtime.jit.kernel import loose_kernel
from agentfast.runtime.jit.simd_math import exponentiate

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_GROUP: Final = 32  # tokens
_PANELS: Final = 8  # capped together, as lines of one panel's width are too short for vectors
_ONE: Final = np.float32(1.0)
_TWO: Final = np.float32(2.0)


class ConditioningWeights(NamedTuple):
    """The self-conditioning's weights: its norm [H], and the panels of its MLP."""

    norm: Floats
    gate_up: Floats
    down: Floats
    eps: np.float32


@loose_kernel
def enter(
    part: TokenSlice,
    tokens: Ints,
    table: Floats,
    scale: np.float32,
    canvas: Ints,
    soft: Floats,
    conditioning: ConditioningWeights,
    first_norm: Floats,
    eps: np.float32,
    x: Floats,
    normed: Floats,
) -> None:
    """tokens [T], table [V, H] -> x [T, H], and normed [T, H], its norm for the first layer; the part's lines alone.

    The lines `canvas` [N] are conditioned on soft embeddings [N, H]; with none of these, [0, H], they are normed.
    """
    for t in range(part.start, part.stop):
        source, target = table[tokens[t]], x[t]
        for i in range(len(target)):
            target[i] = source[i] * scale
    first, last = lines_of(part, canvas)
    _condition(x, canvas[first:last], soft[first:last], conditioning)
    norm(x[part.start : part.stop], first_norm, eps, normed[part.start : part.stop])


@loose_kernel
def _condition(x: Floats, canvas: Ints, soft: Floats, weights: ConditioningWeights) -> None:
    """Add soft embeddings [N, H], through their MLP, to the lines `canvas` [N] of x [T, H], and norm those.

    With no soft embeddings, [0, H], only the norm remains.
    """
    rooms = min(_GROUP, len(soft))
    normed = np.empty((rooms, x.shape[1]), np.float32)
    gate_up, added = scratch_for(rooms, weights.gate_up), scratch_for(rooms, weights.down)
    inner = np.empty((rooms, weights.down.shape[1]), np.float32)
    for first in range(0, len(canvas), _GROUP):
        lines = canvas[first : first + _GROUP]
        part = soft[first : first + _GROUP]
        norm(part, weights.norm, weights.eps, normed)
        multiply(normed, len(part), weights.gate_up, gate_up)
        gated(gate_up, len(part), inner)
        multiply(inner, len(part), weights.down, added)
        for n in range(len(lines)):
            line = x[lines[n]]
            if len(part):
                for i in range(len(line)):
                    line[i] += added[n, i]
            r = inverse_rms(line, weights.eps)
            for i in range(len(line)):
                line[i] *= r


@loose_kernel
def to_logits(
    part: TokenSlice, lines: Ints, hidden: Floats, panels: Floats, cap: np.float32, logits: Floats
) -> None:
    """Lines [N] of hidden [T, H], the embedding table's panels -> logits [N, V]; soft-capped unless `cap` is 0.

    Each part has a share of the vocabulary, and all return when all are done.
    """
    groups = -(-len(panels) // _PANELS)
    start = groups * part.number // part.parts * _PANELS
    stop = min(len(panels), groups * (part.number + 1) // part.parts * _PANELS)
    gathered = np.empty((min(_GROUP, len(lines)), hidden.shape[1]), np.float32)
    scratch = scratch_for(len(gathered), panels[:_PANELS])
    for first in range(0, len(lines), _GROUP):
        some = lines[first : first + _GROUP]
        for m in range(len(some)):
            gathered[m] = hidden[some[m]]
        for p in range(start, stop, _PANELS):
            multiply(gathered, len(some), panels[p : p + _PANELS], scratch)
            low, high = p * panels.shape[2], min(logits.shape[1], (p + _PANELS) * panels.shape[2])
            for m in range(len(some)):
                source, target = scratch[m, : high - low], logits[first + m, low:high]
                if cap:
                    _soft_cap(source, cap, target)
                else:
                    for v in range(high - low):
                        target[v] = source[v]
    wait_for_all(part)


@loose_kernel
def _soft_cap(x: Floats, cap: np.float32, out: Floats) -> None:
    """out = cap * tanh(x / cap)."""
    double_cap, scale = _TWO * cap, _TWO / cap
    for i in range(len(x)):
        out[i] = x[i] * scale
    exponentiate(out)
    for i in range(len(x)):
        out[i] = cap - double_cap / (out[i] + _ONE)


@loose_kernel
def to_soft(p: Floats, panels: Floats, scale: np.float32, soft: Floats) -> None:
    """p [N, V], the transposed table's panels -> soft [N, H], the scaled mean embeddings."""
    scratch = scratch_for(_GROUP, panels)
    for first in range(0, len(p), _GROUP):
        part = p[first : first + _GROUP]
        multiply(part, len(part), panels, scratch)
        for m in range(len(part)):
            source, target = scratch[m], soft[first + m]
            for i in range(len(target)):
                target[i] = source[i] * scale
