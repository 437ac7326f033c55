"""Norms, rope and residual sums between the matrix products of a layer, on a CPU.

Each kernel reads a token's vector once and does all that is to be done with it while it is in cache. Sums may be
reordered, but infinities and NaN are kept, so that a row that overflows is noticed. Inputs that come from a product may
have more columns and rows than are used, as whole tiles do.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.jit.kernel import loose_kernel
from agentfast.runtime.jit.simd import address, turn

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@loose_kernel
def _sum_of_squares(x: Floats) -> np.float32:
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return total


@loose_kernel
def _inverse_root(squares: np.float32, count: int, eps: np.float32) -> np.float32:
    """One over the root of the mean of `count` squares, given their sum."""
    return np.float32(np.float32(1.0) / np.float32(math.sqrt(squares / np.float32(count) + eps)))


@loose_kernel
def inverse_rms(x: Floats, eps: np.float32) -> np.float32:
    """One over the root of the mean square."""
    return _inverse_root(_sum_of_squares(x), len(x), eps)


@loose_kernel
def norm(x: Floats, weight: Floats, eps: np.float32, out: Floats) -> None:
    """out = x / rms(x) * weight; x, out [T, H]."""
    for t in range(len(x)):
        r = inverse_rms(x[t], eps)
        for i in range(x.shape[1]):
            out[t, i] = x[t, i] * r * weight[i]


@loose_kernel
def _norm_and_rotate(x: Floats, weight: Floats, cos: Floats, sin: Floats, r: np.float32, out: Floats) -> None:
    turn(address(x, 0), r, address(weight, 0), address(cos, 0), address(sin, 0), address(out, 0), len(cos))


@loose_kernel
def split_heads(
    joined: Floats,
    q_weight: Floats,
    k_weight: Floats,
    cos: Floats,
    sin: Floats,
    eps: np.float32,
    shared: bool,
    q: Floats,
    k: Floats,
    v: Floats,
) -> None:
    """joined [M, at least (Hq + 2 Hkv) D] -> q [T, Hq, D], k, v [T, Hkv, D], normed and (q, k) roped; cos, sin [T, D/2].

    `shared`: there is no value projection ([M, at least (Hq + Hkv) D]); v is the key projection, normed without a weight.
    """
    size = q.shape[2]
    queries, pairs = q.shape[1], k.shape[1]
    first_value = queries if shared else queries + pairs
    scales = np.empty(first_value + pairs, np.float32)
    for t in range(len(q)):
        # A root takes long, and several in a row not much longer, so all come before any is used.
        for h in range(len(scales)):
            scales[h] = _sum_of_squares(joined[t, h * size : (h + 1) * size])
        for h in range(len(scales)):
            scales[h] = _inverse_root(scales[h], size, eps)
        for h in range(queries):
            query = joined[t, h * size : (h + 1) * size]
            _norm_and_rotate(query, q_weight, cos[t], sin[t], scales[h], q[t, h])
        for h in range(pairs):
            start, value_start = (queries + h) * size, (first_value + h) * size
            key, value = joined[t, start : start + size], joined[t, value_start : value_start + size]
            _norm_and_rotate(key, k_weight, cos[t], sin[t], scales[queries + h], k[t, h])
            for i in range(size):
                v[t, h, i] = value[i] * scales[first_value + h]


@loose_kernel
def after_attention(
    x: Floats, y: Floats, weights: Floats, eps: np.float32, dense: Floats, sparse: Floats, router: Floats
) -> None:
    """x += norm(y); then the three normed forms of x that the MLP, the experts and the router take.

    x [T, H]; y, dense, sparse, router [M, at least H]; weights [4, H] of the four norms.
    """
    size = x.shape[1]
    for t in range(len(x)):
        line, added = x[t], y[t, :size]
        r = inverse_rms(added, eps)
        for i in range(size):
            line[i] += added[i] * r * weights[0, i]
        r = inverse_rms(line, eps)
        for i in range(size):
            n = line[i] * r
            dense[t, i] = n * weights[1, i]
            sparse[t, i] = n * weights[2, i]
            router[t, i] = n * weights[3, i]


@loose_kernel
def after_experts(
    x: Floats,
    dense: Floats,
    outputs: Floats,
    share: Floats,
    place: Ints,
    weights: Floats,
    denoise: NDArray[np.bool_],
    scalars: Floats,
    eps: np.float32,
    normed: Floats,
) -> None:
    """x = (x + norm(norm(dense) + norm(sum of the experts' outputs))) * scalar, and norm(x) for what comes next.

    x, normed [T, H]; dense [M, at least H]; outputs [M * k, at least H]; share, place [M, k]; weights [4, H] of the four
    norms.
    """
    tokens, size = x.shape
    sparse = np.empty(size, np.float32)
    both = np.empty(size, np.float32)
    for t in range(tokens):
        sparse[:] = 0
        for j in range(share.shape[1]):
            row, w = outputs[place[t, j]], share[t, j]
            for i in range(size):
                sparse[i] += row[i] * w
        line = dense[t, :size]
        r, s = inverse_rms(line, eps), inverse_rms(sparse, eps)
        for i in range(size):
            both[i] = line[i] * r * weights[0, i] + sparse[i] * s * weights[1, i]
        r = inverse_rms(both, eps)
        scalar = scalars[1] if denoise[t] else scalars[0]
        for i in range(size):
            x[t, i] = (x[t, i] + both[i] * r * weights[2, i]) * scalar
        r = inverse_rms(x[t], eps)
        for i in range(size):
            normed[t, i] = x[t, i] * r * weights[3, i]
