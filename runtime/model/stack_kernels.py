"""All layers of a model on a CPU, in one kernel: between two of them nothing waits for the interpreter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.kernel import kernel
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
def room_of(tokens: int, stack: Stack, cache: Cache) -> int:
    """Numbers that `run_layers` needs room for."""
    most = 0
    for layer in range(len(stack.place)):
        heads, size = cache.shapes[layer, 0], cache.shapes[layer, 1]
        queries = _weights_of(stack, layer).output.shape[1]
        most = max(most, 2 * (queries + heads * size))
    return tokens * most


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
        room: as many numbers as `room_of` says, which must be left alone between calls.
    """
    layers = len(stack.place)
    for layer in range(first, last):
        if layer >= 0:
            weights = _weights_of(stack, layer)
            q, k, v, attended = _carved(room, len(x), weights, cache.shapes[layer, 0])
            attend_rows(layer, cache, rows, q, k, v, attended)
            flat = attended.reshape(len(x), -1)
            if layer < layers - 1 or len(lines) == len(x):
                rest_of_layer(x, flat, denoise, weights, stack.top_k, normed)
            else:
                _finish(x, flat, denoise, weights, stack.top_k, lines, normed)
        if layer + 1 < layers:
            weights = _weights_of(stack, layer + 1)
            q, k, v, _ = _carved(room, len(x), weights, cache.shapes[layer + 1, 0])
            cos, sin = ropes[int(stack.is_full[layer + 1])]
            before_attention(normed, weights, cos, sin, q, k, v)
            write(layer + 1, cache, rows, k, v)


@kernel
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


@kernel
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


@kernel
def _finish(
    x: Floats,
    attended: Floats,
    denoise: NDArray[np.bool_],
    weights: LayerWeights,
    top_k: int,
    lines: Ints,
    normed: Floats,
) -> None:
    """The rest of the last layer, for some lines only."""
    if not len(lines):
        return
    finished = np.empty((len(lines), x.shape[1]), np.float32)
    rest_of_layer(x[lines], attended[lines], denoise[lines], weights, top_k, finished)
    for i in range(len(lines)):
        normed[lines[i]] = finished[i]
