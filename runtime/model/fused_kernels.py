"""Everything between the matrix products of a layer, on a CPU, in four passes over the tokens.

Each kernel reads a token's vector once and does all that is to be done with it while it is in cache. Sums may be
reordered, but infinities and NaN are kept, so that a row that overflows is noticed.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

_LOOSE = {"reassoc", "contract", "arcp", "nsz"}


@numba.njit(cache=True, nogil=True, fastmath=_LOOSE, inline="always")
def _inverse_rms(x: Floats, eps: float) -> np.float32:
    total = np.float32(0.0)
    for i in range(len(x)):
        total += x[i] * x[i]
    return np.float32(1.0) / np.float32(math.sqrt(total / len(x) + eps))


@numba.njit(cache=True, nogil=True, fastmath=_LOOSE)
def norm(x: Floats, weight: Floats, eps: float, out: Floats) -> None:
    """out = x / rms(x) * weight; x, out [T, H]."""
    for t in range(len(x)):
        r = _inverse_rms(x[t], eps)
        for i in range(x.shape[1]):
            out[t, i] = x[t, i] * r * weight[i]


@numba.njit(cache=True, nogil=True, fastmath=_LOOSE, inline="always")
def _norm_and_rotate(x: Floats, weight: Floats, cos: Floats, sin: Floats, r: np.float32, out: Floats) -> None:
    half = len(x) // 2
    for i in range(half):
        first = x[i] * r * weight[i]
        second = x[half + i] * r * weight[half + i]
        out[i] = first * cos[i] - second * sin[i]
        out[half + i] = second * cos[i] + first * sin[i]


@numba.njit(cache=True, nogil=True, fastmath=_LOOSE)
def split_heads(
    joined: Floats,
    q_weight: Floats,
    k_weight: Floats,
    cos: Floats,
    sin: Floats,
    eps: float,
    q: Floats,
    k: Floats,
    v: Floats,
) -> None:
    """joined [T, W] -> q [T, Hq, D], k, v [T, Hkv, D], normed and (q, k) roped; cos, sin [T, D/2].

    Without a value projection of its own (W = (Hq + Hkv) D), v is the key projection, normed without a weight.
    """
    size = q.shape[2]
    queries, pairs = q.shape[1], k.shape[1]
    shared = joined.shape[1] == (queries + pairs) * size
    for t in range(len(joined)):
        for h in range(queries):
            x = joined[t, h * size : (h + 1) * size]
            _norm_and_rotate(x, q_weight, cos[t], sin[t], _inverse_rms(x, eps), q[t, h])
        for h in range(pairs):
            start = (queries + h) * size
            x = joined[t, start : start + size]
            r = _inverse_rms(x, eps)
            _norm_and_rotate(x, k_weight, cos[t], sin[t], r, k[t, h])
            y = x if shared else joined[t, start + pairs * size : start + (pairs + 1) * size]
            if not shared:
                r = _inverse_rms(y, eps)
            for i in range(size):
                v[t, h, i] = y[i] * r


@numba.njit(cache=True, nogil=True, fastmath=_LOOSE)
def after_attention(
    x: Floats,
    y: Floats,
    weight: Floats,
    dense_weight: Floats,
    sparse_weight: Floats,
    router_weight: Floats,
    eps: float,
    dense: Floats,
    sparse: Floats,
    router: Floats,
) -> None:
    """x += norm(y); then the three normed forms of x that the MLP, the experts and the router take. All [T, H]."""
    size = x.shape[1]
    for t in range(len(x)):
        r = _inverse_rms(y[t], eps)
        for i in range(size):
            x[t, i] += y[t, i] * r * weight[i]
        r = _inverse_rms(x[t], eps)
        for i in range(size):
            n = x[t, i] * r
            dense[t, i] = n * dense_weight[i]
            sparse[t, i] = n * sparse_weight[i]
            router[t, i] = n * router_weight[i]


@numba.njit(cache=True, nogil=True)
def choose(scores: Floats, expert_scale: Floats, weights: Floats, chosen: Ints) -> None:
    """The top k experts of each token: scores [T, E] -> weights, chosen [T, k].

    A weight is the softmax over the chosen, times the expert's scale.
    """
    tokens, experts = scores.shape
    top = weights.shape[1]
    for t in range(tokens):
        for j in range(top):
            best = -1
            for e in range(experts):
                taken = False
                for other in range(j):
                    taken = taken or chosen[t, other] == e
                if not taken and (best < 0 or scores[t, e] > scores[t, best]):
                    best = e
            chosen[t, j] = best
        total = np.float32(0.0)
        for j in range(top):
            weights[t, j] = math.exp(scores[t, chosen[t, j]] - scores[t, chosen[t, 0]])
            total += weights[t, j]
        for j in range(top):
            weights[t, j] = weights[t, j] / total * expert_scale[chosen[t, j]]


@numba.njit(cache=True, nogil=True)
def group(chosen: Ints, source: Ints, counts: Ints) -> None:
    """Order tokens by expert.

    chosen [T, k] becomes each choice's place in that order. source [T * k]: the token at each place; counts [E]: how
    many places each expert has.
    """
    tokens, top = chosen.shape
    experts = len(counts)
    counts[:] = 0
    for t in range(tokens):
        for j in range(top):
            counts[chosen[t, j]] += 1
    following = np.empty(experts, np.int64)
    start = 0
    for e in range(experts):
        following[e] = start
        start += counts[e]
    for t in range(tokens):
        for j in range(top):
            e = chosen[t, j]
            source[following[e]] = t
            chosen[t, j] = following[e]
            following[e] += 1


@numba.njit(cache=True, nogil=True, fastmath=_LOOSE)
def after_experts(
    x: Floats,
    dense: Floats,
    outputs: Floats,
    weights: Floats,
    place: Ints,
    dense_weight: Floats,
    sparse_weight: Floats,
    weight: Floats,
    denoise: NDArray[np.bool_],
    encoder_scalar: float,
    decoder_scalar: float,
    next_weight: Floats,
    eps: float,
    normed: Floats,
) -> None:
    """x = (x + norm(norm(dense) + norm(sum of the experts' outputs))) * scalar, and norm(x) for what comes next.

    x, dense, normed [T, H]; outputs [T * k, H]; weights, place [T, k].
    """
    tokens, size = x.shape
    sparse = np.empty(size, np.float32)
    both = np.empty(size, np.float32)
    for t in range(tokens):
        sparse[:] = 0
        for j in range(weights.shape[1]):
            row, w = outputs[place[t, j]], weights[t, j]
            for i in range(size):
                sparse[i] += row[i] * w
        r, s = _inverse_rms(dense[t], eps), _inverse_rms(sparse, eps)
        for i in range(size):
            both[i] = dense[t, i] * r * dense_weight[i] + sparse[i] * s * sparse_weight[i]
        r = _inverse_rms(both, eps)
        scalar = np.float32(decoder_scalar if denoise[t] else encoder_scalar)
        for i in range(size):
            x[t, i] = (x[t, i] + both[i] * r * weight[i]) * scalar
        r = _inverse_rms(x[t], eps)
        for i in range(size):
            normed[t, i] = x[t, i] * r * next_weight[i]
