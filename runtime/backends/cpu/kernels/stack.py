"""All layers of a model on a CPU, in one kernel: between two of them nothing waits for the interpreter."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.kernels.barrier import TokenSlice, lines_of, wait_for_all
from agentfast.runtime.backends.cpu.kernels.batch_attention import Cache, Rows, attend_rows, fill, write
from agentfast.runtime.backends.cpu.kernels.layer import LayerWeights, before_attention, rest_of_layer
from agentfast.runtime.jit.kernel import inline_kernel, kernel

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
    part: TokenSlice,
    x: Floats,
    normed: Floats,
    stack: Stack,
    ropes: Ropes,
    cache: Cache,
    rows: Rows,
    denoise: NDArray[np.bool_],
    lines: Ints,
    scratch: Floats,
) -> None:
    """Run layers first, ..., last - 1 from their attention on, and what comes before attention in the one after each.

    So -1 to L is all of it, and a call that stops before the attention of layer `last` has written what it encodes.

    Args:
        part: the tokens that this call is for. Other threads make the same call for the others, and all return when all
            are done.
        x: [T, H], changed in place, and so is normed [T, H], its norm for the next layer.
        ropes: cos and sin [T, D/2] for sliding layers, and for full ones.
        denoise: [T], whether a token is a canvas's.
        lines: the only ones of the last layer's `normed` that are wanted, [R] in order; T of them: all.
        scratch: q, k, v and attended of a layer and of the one before it, which another thread may still be in, [2, at
            least 2 (Hq + Hkv) D T] numbers, to be left alone between calls.
    """
    layers = len(stack.place)
    own = slice(part.start, part.stop)
    for layer in range(first, last):
        if layer >= 0:
            weights = _weights_of(stack, layer)
            q, k, v, attended = _carved(scratch[layer % 2], len(x), weights, cache.shapes[layer, 0])
            wait_for_all(part)  # what is encoded is written
            fill(layer, part, cache, rows, k, v)
            wait_for_all(part)
            attend_rows(layer, part, cache, rows, q, attended)
            flat = attended.reshape(len(x), -1)
            if layer < layers - 1 or len(lines) == len(x):
                rest_of_layer(x[own], flat[own], denoise[own], weights, stack.top_k, normed[own])
            else:
                low, high = lines_of(part, lines)
                some = lines[low:high]
                taken, result = _taken(x, some), np.empty((len(some), x.shape[1]), np.float32)
                rest_of_layer(
                    taken, _taken(flat, some), _modes_of(denoise, some), weights, stack.top_k, result
                )
                for i in range(len(some)):
                    _copy(result[i], normed[some[i]])
        if layer + 1 < layers:
            weights = _weights_of(stack, layer + 1)
            q, k, v, _ = _carved(scratch[(layer + 1) % 2], len(x), weights, cache.shapes[layer + 1, 0])
            cos, sin = ropes[int(stack.is_full[layer + 1])]
            before_attention(normed[own], weights, cos[own], sin[own], q[own], k[own], v[own])
            write(layer + 1, part, cache, rows, k, v)
    wait_for_all(part)


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
    scratch: Floats, tokens: int, weights: LayerWeights, pairs: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """q [T, Hq, D], k, v [T, Hkv, D] and attended [T, Hq, D]."""
    size = len(weights.q_norm)
    heads = weights.output.shape[1] // size
    queries, keys = tokens * heads * size, tokens * pairs * size
    return (
        scratch[:queries].reshape(tokens, heads, size),
        scratch[queries : queries + keys].reshape(tokens, pairs, size),
        scratch[queries + keys : queries + 2 * keys].reshape(tokens, pairs, size),
        scratch[queries + 2 * keys : 2 * (queries + keys)].reshape(tokens, heads, size),
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
