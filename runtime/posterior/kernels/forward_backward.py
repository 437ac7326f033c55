"""CPU kernels of the canvas posterior over the nodes of a trellis: weights, backward pass, best path, sample, flow.

Notation: C positions, K classes, L labels (sets of classes, see grammar/tokens/token_classes.py), N nodes (a state at a position,
see trellis.py). Weights are scaled numbers, (x, n) for x * 2^n with x in [1, 2) or 0: the range of logarithms at the price
of multiplications. Weights of a position are relative to its reference, the greatest logit of its heaviest class.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

LN2: Final = 0.6931471805599453
_BLOCK: Final = 32  # positions
_NEGLIGIBLE: Final = 1e-40  # probability of a node below which its successors are not visited
_NORMAL: Final = 1e-280  # a sum above this lost nothing that double precision could show
_DEAD: Final = -(2**28)  # exponent of what has no weight: far below every other
_POWERS: Final = np.append(2.0 ** -np.arange(1023), 0.0)  # 2^-n, 0 from n = 1023 on


@kernel
def _times_power(x: float, n: int) -> float:
    """x * 2^n, for n that is not far above 0."""
    return float(x * _POWERS[min(-n, 1023)] if n <= 0 else x / _POWERS[min(n, 1022)])


@kernel
def _normalise(bits: Longs, at: int, exponent: Ints) -> None:
    """Split a number above 0, given as its bits, in place: [1, 2) stays, the power of two is added to its exponent."""
    exponent[at] += np.int32((bits[at] >> 52) - 1023)
    bits[at] = (bits[at] & 0xFFFFFFFFFFFFF) | (1023 << 52)


@kernel
def weigh_labels(
    label_start: Ints,
    label_class: Ints,
    position_start: Ints,
    position_label: Ints,
    top: Doubles,
    mass: Doubles,
    linear: Doubles,
    reference: Doubles,
    weight: Doubles,
    exponent: Ints,
    best: Doubles,
) -> None:
    """Weights of the labels that each position has, and their greatest logits.

    Args:
        label_start, label_class: see `TokenClasses`; position_start, position_label: `Plan.label_start` and `labels`.
        top, mass: [C, K], see `ClassSpace`.
        linear: [C, K], filled with the classes' weights relative to the reference, as plain numbers.
        reference: [C], filled with the greatest logit of any class.
        weight, exponent: [C, L], filled with the labels' weights relative to the reference.
        best: [C, L], filled with the labels' greatest logits.
    """
    positions, count = top.shape
    labels = len(label_start) - 1
    # Position last, so that a label's sums over its classes run over positions, in vectors.
    tops, masses = np.empty((count, _BLOCK), np.float64), np.empty((count, _BLOCK), np.float64)
    totals, bests = np.empty((labels, _BLOCK), np.float64), np.empty((labels, _BLOCK), np.float64)
    summed = np.full(labels, -1, np.int64)
    for low in range(0, positions, _BLOCK):
        high = min(low + _BLOCK, positions)
        for i in range(low, high):
            highest = -np.inf
            for k in range(count):
                highest = max(highest, top[i, k])
            reference[i] = highest
            for k in range(count):
                linear[i, k] = mass[i, k] * np.exp(top[i, k] - highest) if mass[i, k] > 0.0 else 0.0
                masses[k, i - low] = linear[i, k]
                tops[k, i - low] = top[i, k]
        for i in range(low, high):
            weights, exponents, bits = weight[i], exponent[i], weight[i].view(np.int64)
            for at in range(position_start[i], position_start[i + 1]):
                label = position_label[at]
                if summed[label] != low:
                    summed[label] = low
                    members = label_class[label_start[label] : label_start[label + 1]]
                    _sum_members(members, masses, tops, totals[label], bests[label])
                best[i, label] = bests[label, i - low]
                weights[label] = totals[label, i - low]
                exponents[label] = 0
                if weights[label] > _NORMAL:
                    _normalise(bits, label, exponents)
                elif best[i, label] > -np.inf:
                    members = label_class[label_start[label] : label_start[label + 1]]
                    _far_below(
                        members, top[i], mass[i], best[i, label], reference[i], label, weights, exponents
                    )
                else:
                    exponents[label] = _DEAD


@kernel
def _sum_members(members: Ints, masses: Doubles, tops: Doubles, total: Doubles, best: Doubles) -> None:
    """Sum and maximum over classes, for a block of positions."""
    total[:] = 0.0
    best[:] = -np.inf
    for k in members:
        mass, top = masses[k], tops[k]
        for i in range(_BLOCK):
            total[i] += mass[i]
            best[i] = top[i] if top[i] > best[i] else best[i]


@kernel
def _far_below(
    members: Ints,
    top: Doubles,
    mass: Doubles,
    greatest: float,
    reference: float,
    label: int,
    weight: Doubles,
    exponent: Ints,
) -> None:
    """Weight of a label that is nothing beside the reference."""
    total = 0.0
    for k in members:
        if mass[k] > 0.0:
            total += mass[k] * np.exp(top[k] - greatest)
    below = (greatest - reference) / LN2
    exponent[label] = np.int32(np.floor(below))
    weight[label] = total * 2.0 ** (below - np.floor(below))
    _normalise(weight.view(np.int64), label, exponent)


@kernel
def backward(
    layer_start: Ints,
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    weight: Doubles,
    weight_exponent: Ints,
    best: Doubles,
    beta: Doubles,
    exponent: Ints,
    choice: Ints,
) -> None:
    """Weight of all paths from each node to the end of the canvas, and the best of them.

    Args:
        weight, weight_exponent, best: from `weigh_labels`.
        beta, exponent: [N], filled with the weights.
        choice: [N], filled with the edge of the best path, -1 where there is none.
    """
    positions = len(layer_start) - 2
    delta = np.zeros(len(beta), np.float64)
    bits = beta.view(np.int64)
    for node in range(layer_start[positions], layer_start[positions + 1]):
        beta[node], exponent[node], choice[node] = 1.0, 0, -1
    for i in range(positions - 1, -1, -1):
        for node in range(layer_start[i], layer_start[i + 1]):
            longest = -np.inf
            taken = -1
            highest = _DEAD
            for edge in range(edge_start[node], edge_start[node + 1]):
                label, after = np.uint32(edge_label[edge]), np.uint32(edge_to[edge])
                score = best[i, label] + delta[after]
                if score > longest:
                    longest, taken = score, edge
                highest = max(highest, weight_exponent[i, label] + exponent[after])
            total = 0.0
            for edge in range(edge_start[node], edge_start[node + 1]):
                label, after = np.uint32(edge_label[edge]), np.uint32(edge_to[edge])
                below = highest - (weight_exponent[i, label] + exponent[after])
                if below < 1023:
                    total += weight[i, label] * beta[after] * _POWERS[np.uint32(below)]
            delta[node], choice[node] = longest, taken
            beta[node], exponent[node] = total, _DEAD
            if total > 0.0:
                exponent[node] = highest
                _normalise(bits, node, exponent)


@kernel
def trace_best(
    edge_to: Ints, edge_label: Ints, label_start: Ints, label_class: Ints, choice: Ints, top: Doubles
) -> tuple[Ints, Ints]:
    """[C] the classes of the best path (of several, the first with the greatest logit), and [C + 1] its nodes."""
    positions = top.shape[0]
    chosen = np.empty(positions, np.int32)
    path = np.zeros(positions + 1, np.int32)
    for i in range(positions):
        edge = choice[path[i]]
        label = edge_label[edge]
        taken = label_class[label_start[label]]
        for j in range(label_start[label], label_start[label + 1]):
            if top[i, label_class[j]] > top[i, taken]:
                taken = label_class[j]
        chosen[i] = taken
        path[i + 1] = edge_to[edge]
    return chosen, path


@kernel
def sample_classes(
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    beta: Doubles,
    exponent: Ints,
    weight: Doubles,
    weight_exponent: Ints,
    top: Doubles,
    mass: Doubles,
    reference: Doubles,
    uniforms: Doubles,
) -> tuple[Ints, Doubles]:
    """Sample a path: an edge, then a class of its label, each by inverse CDF of one uniform per position.

    Returns:
        chosen: [C] classes; left: [C] what is left of each uniform, in [0, 1), for the token inside the class.
    """
    positions = weight.shape[0]
    chosen = np.empty(positions, np.int32)
    left = np.empty(positions, np.float64)
    node = 0
    for i in range(positions):
        first, last = edge_start[node], edge_start[node + 1]
        chances = np.empty(last - first, np.float64)
        for edge in range(first, last):
            label, after = edge_label[edge], edge_to[edge]
            chances[edge - first] = _times_power(
                weight[i, label] * beta[after] / beta[node],
                weight_exponent[i, label] + exponent[after] - exponent[node],
            )
        taken, u = _invert(chances, uniforms[i])
        label = edge_label[first + taken]
        node = edge_to[first + taken]
        members = label_class[label_start[label] : label_start[label + 1]]
        chances = np.empty(len(members), np.float64)
        shift = reference[i] + weight_exponent[i, label] * LN2
        for j in range(len(members)):
            k = members[j]
            chances[j] = (
                mass[i, k] * np.exp(top[i, k] - shift) / weight[i, label] if mass[i, k] > 0.0 else 0.0
            )
        taken, u = _invert(chances, u)
        chosen[i] = members[taken]
        left[i] = u
    return chosen, left


@kernel
def _invert(chances: Doubles, u: float) -> tuple[int, float]:
    """The outcome that `u` falls on, and how far into it; the last one with a chance takes what rounding leaves."""
    taken = 0
    low, width = 0.0, 1.0
    reached = 0.0
    for j in range(len(chances)):
        if chances[j] > 0.0:
            taken, low, width = j, reached, chances[j]
            reached += chances[j]
            if u < reached:
                break
    return taken, min(max((u - low) / width, 0.0), 1.0)


@kernel
def label_masses(
    layer_start: Ints,
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    beta: Doubles,
    exponent: Ints,
    weight: Doubles,
    weight_exponent: Ints,
) -> Doubles:
    """[C, L] probability that position i takes an edge with the label."""
    mass = np.zeros(weight.shape, np.float64)
    probability = np.zeros(len(beta), np.float64)
    probability[0] = 1.0
    for i in range(weight.shape[0]):
        for node in range(layer_start[i], layer_start[i + 1]):
            if probability[node] < _NEGLIGIBLE:
                continue
            here = probability[node] / beta[node]
            for edge in range(edge_start[node], edge_start[node + 1]):
                label, after = edge_label[edge], edge_to[edge]
                flow = _times_power(
                    here * weight[i, label] * beta[after],
                    weight_exponent[i, label] + exponent[after] - exponent[node],
                )
                probability[after] += flow
                mass[i, label] += flow
    return mass
