"""A layer on a CPU, in two kernels around its attention: tokens go through in groups that stay in cache."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.kernels.experts import choose, group
from agentfast.runtime.backends.cpu.kernels.matmul import multiply, scratch_for
from agentfast.runtime.backends.cpu.kernels.norm import after_attention, after_experts, split_heads
from agentfast.runtime.jit.kernel import loose_kernel
from agentfast.runtime.jit.simd_math import exponentiate

Floats = NDArray[np.float32]

_GROUP: Final = 64  # tokens
_GELU: Final = np.float32(-2 * (2 / np.pi) ** 0.5)  # gelu_tanh(x) = x / (1 + e^(_GELU (x + 0.044715 x^3)))
_CUBIC: Final = np.float32(0.044715)
_ONE: Final = np.float32(1.0)


class LayerWeights(NamedTuple):
    """A layer's weights as its kernels take them; panels as from `in_panels`.

    Attributes:
        qkv, output, gate_up, down, router: panels.
        expert_gate_up, expert_down: [E, ...] panels.
        expert_scale: [E].
        q_norm, k_norm: [D].
        after_attention: [4, H], the norm of attention's output, then those of what the MLP, the experts and the
            router take.
        after_experts: [4, H], the norms of the MLP's and the experts' output and of their sum, then of the next layer.
        scalars: [2], of encode and of denoise tokens.
        eps: of the norms.
        shares_kv: there is no value projection.
    """

    qkv: Floats
    output: Floats
    gate_up: Floats
    down: Floats
    router: Floats
    expert_gate_up: Floats
    expert_down: Floats
    expert_scale: Floats
    q_norm: Floats
    k_norm: Floats
    after_attention: Floats
    after_experts: Floats
    scalars: Floats
    eps: np.float32
    shares_kv: bool


@loose_kernel
def before_attention(
    normed: Floats, weights: LayerWeights, cos: Floats, sin: Floats, q: Floats, k: Floats, v: Floats
) -> None:
    """normed [T, H] -> q [T, Hq, D], k, v [T, Hkv, D], normed and (q, k) roped; cos, sin [T, D/2]."""
    joined = scratch_for(_GROUP, weights.qkv)
    for start in range(0, len(normed), _GROUP):
        stop = min(len(normed), start + _GROUP)
        part = slice(start, stop)
        multiply(normed[part], stop - start, weights.qkv, joined)
        split_heads(
            joined,
            weights.q_norm,
            weights.k_norm,
            cos[part],
            sin[part],
            weights.eps,
            weights.shares_kv,
            q[part],
            k[part],
            v[part],
        )


@loose_kernel
def gated(gate_up: Floats, rows: int, out: Floats) -> None:
    """gate_up [M, at least 2 I] -> out[:rows] = gelu_tanh(gate) * up, [M, I]."""
    size = out.shape[1]
    for t in range(rows):
        gate, up, target = gate_up[t, :size], gate_up[t, size : 2 * size], out[t]
        for i in range(size):
            x = gate[i]
            target[i] = _GELU * (x + _CUBIC * x * x * x)
        exponentiate(target)
        for i in range(size):
            target[i] = up[i] * gate[i] / (_ONE + target[i])


@loose_kernel
def rest_of_layer(
    x: Floats, attended: Floats, denoise: NDArray[np.bool_], weights: LayerWeights, top_k: int, normed: Floats
) -> None:
    """The rest of a layer: x [T, H] is changed in place, normed [T, H] becomes its norm for the next layer.

    attended [T, Hq D] is the attention's output, denoise [T] says which of the layer's scalars is a token's.
    """
    size = x.shape[1]
    rooms = max(1, min(_GROUP, len(x)))
    mixed = scratch_for(rooms, weights.output)
    dense_in, sparse_in, router_in = (
        np.empty((rooms, size), np.float32),
        np.empty((rooms, size), np.float32),
        np.empty((rooms, size), np.float32),
    )
    gate_up, dense = scratch_for(rooms, weights.gate_up), scratch_for(rooms, weights.down)
    inner = np.empty((rooms, weights.down.shape[1]), np.float32)
    scores = scratch_for(rooms, weights.router)
    share = np.empty((rooms, top_k), np.float32)
    place = np.empty((rooms, top_k), np.int64)
    outputs = scratch_for(rooms * top_k, weights.expert_down[0])
    for start in range(0, len(x), rooms):
        stop = min(len(x), start + rooms)
        n = stop - start
        multiply(attended[start:stop], n, weights.output, mixed)
        after_attention(
            x[start:stop], mixed, weights.after_attention, weights.eps, dense_in, sparse_in, router_in
        )
        multiply(dense_in, n, weights.gate_up, gate_up)
        gated(gate_up, n, inner)
        multiply(inner, n, weights.down, dense)
        multiply(router_in, n, weights.router, scores)
        choose(scores, weights.expert_scale, n, share, place)
        _run_experts(sparse_in, n, place, weights, outputs)
        after_experts(
            x[start:stop],
            dense,
            outputs,
            share,
            place,
            weights.after_experts,
            denoise[start:stop],
            weights.scalars,
            weights.eps,
            normed[start:stop],
        )


@loose_kernel
def _run_experts(
    x: Floats, rows: int, place: NDArray[np.int64], weights: LayerWeights, outputs: Floats
) -> None:
    """Each token through its experts: place [M, k] holds their numbers, then where in `outputs` [M k, H] theirs are."""
    experts = len(weights.expert_scale)
    source = np.empty(rows * place.shape[1], np.int64)
    ends = np.empty(experts, np.int64)
    group(place, rows, source, ends)
    gathered = np.empty((rows, x.shape[1]), np.float32)
    gate_up = scratch_for(rows, weights.expert_gate_up[0])
    inner = np.empty((rows, weights.expert_down.shape[2]), np.float32)
    start = 0
    for e in range(experts):
        count = ends[e] - start
        if count:
            for i in range(count):
                line = source[start + i]
                for j in range(x.shape[1]):
                    gathered[i, j] = x[line, j]
            multiply(gathered, count, weights.expert_gate_up[e], gate_up)
            gated(gate_up, count, inner)
            multiply(inner, count, weights.expert_down[e], outputs[start : ends[e]])
        start = ends[e]
