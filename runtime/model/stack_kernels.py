"""All layers of a model on a CPU, in one kernel: between two of them nothing waits for the interpreter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.kernel import inline_kernel, kernel
from agentfast.runtime.model.layer_kernels import LayerWeights, before_attention, rest_of_layer
from agentfast.runtime.row_kernels import Cache, Rows, attend_rows, write

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Ropes = tuple[tuple[Floats, Floats], tuple[Floats, Floats]]


class Stack(NamedTuple):
    """A model's L layers, which are of two kinds.

    Attributes:
        sliding, full: the weights of each kind's layers, one after the other along a first axis.
        is_full: [L].
        place: [L], where a layer is among those of its kind.
        top_k: experts of a token.
    """

    sliding: LayerWeights
    full: LayerWeights
    is_full: NDArray[np.bool_]
    place: Ints
    top_k: int


@kernel
def run_layers(
    first: int,
    last: int,
    x: Floats,
    normed: Floats,
    stack: Stack,
    ropes: Ropes,
    cache: Cache,
    rows: Rows,
    denoise: NDArray[np.bool_],
    lines: Ints,
    room: Floats,
) -> None:
    """Run layers first, ..., last - 1 from their attention on, and what comes before attention in the one after each.

    So -1 to L is all of it, and a call that stops before the attention of layer `last` has written what it encodes.

    Args:
        x: [T, H], changed in place, and so is normed [T, H], its norm for the next layer.
        ropes: cos and sin [T, D/2] for sliding layers, and for full ones.
        denoise: [T], whether a token is a canvas's.
        lines: the only ones of the last layer's `normed` that are wanted, [R]; T of them: all.
        room: q, k, v and attended of any layer, T times 2 (Hq + Hkv) D numbers, to be left alone between calls.
    """
    layers = len(stack.place)
    for layer in range(first, last):
        if layer >= 0:
            weights = _weights_of(stack, layer)
            q, k, v, attended = _carved(room, len(x), weights, cache.shapes[layer, 0])
            attend_rows(layer, cache, rows, q, k, v, attended)
            part, flat, modes, result = x, attended.reshape(len(x), -1), denoise, normed
            some = layer == layers - 1 and len(lines) < len(x)
            if some:
                part, flat, modes = _taken(x, lines), _taken(flat, lines), _modes_of(denoise, lines)
                result = np.empty(part.shape, np.float32)
            if len(part):
                rest_of_layer(part, flat, modes, weights, stack.top_k, result)
            if some:
                for i in range(len(lines)):
                    _copy(result[i], normed[lines[i]])
        if layer + 1 < layers:
            weights = _weights_of(stack, layer + 1)
            q, k, v, _ = _carved(room, len(x), weights, cache.shapes[layer + 1, 0])
            cos, sin = ropes[int(stack.is_full[layer + 1])]
            before_attention(normed, weights, cos, sin, q, k, v)
            write(layer + 1, cache, rows, k, v)


@inline_kernel
def _weights_of(stack: Stack, layer: int) -> LayerWeights:
    stacked = stack.full if stack.is_full[layer] else stack.sliding
    at = stack.place[layer]
    return LayerWeights(
        stacked.qkv[at],
        stacked.output[at],
        stacked.gate_up[at],
        stacked.down[at],
        stacked.router[at],
        stacked.expert_gate_up[at],
        stacked.expert_down[at],
        stacked.expert_scale[at],
        stacked.q_norm[at],
        stacked.k_norm[at],
        stacked.after_attention[at],
        stacked.after_experts[at],
        stacked.scalars[at],
        stacked.eps,
        stacked.shares_kv,
    )


@inline_kernel
def _carved(
    room: Floats, tokens: int, weights: LayerWeights, pairs: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """q [T, Hq, D], k, v [T, Hkv, D] and attended [T, Hq, D]."""
    size = len(weights.q_norm)
    heads = weights.output.shape[1] // size
    queries, keys = tokens * heads * size, tokens * pairs * size
    return (
        room[:queries].reshape(tokens, heads, size),
        room[queries : queries + keys].reshape(tokens, pairs, size),
        room[queries + keys : queries + 2 * keys].reshape(tokens, pairs, size),
        room[queries + 2 * keys : 2 * (queries + keys)].reshape(tokens, heads, size),
    )


@inline_kernel
def _taken(source: Floats, lines: Ints) -> Floats:
    taken = np.empty((len(lines), source.shape[1]), np.float32)
    for i in range(len(lines)):
        _copy(source[lines[i]], taken[i])
    return taken


@inline_kernel
def _modes_of(denoise: NDArray[np.bool_], lines: Ints) -> NDArray[np.bool_]:
    modes = np.empty(len(lines), np.bool_)
    for i in range(len(lines)):
        modes[i] = denoise[lines[i]]
    return modes


@inline_kernel
def _copy(source: Floats, target: Floats) -> None:
    for i in range(len(source)):
        target[i] = source[i]
