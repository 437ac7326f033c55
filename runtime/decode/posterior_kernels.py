"""CPU kernels of the canvas posterior: tokens to classes, then dynamic programming over the nodes of a plan.

Notation: C positions, V tokens, K classes, L labels (sets of classes, see grammar/classes.py), N nodes (a state at a
position, see plan.py).

Weights are log weights, or, in the passes over the nodes, scaled numbers: (x, n) is x * 2^(512 n) with x in
[2^-256, 2^256) or 0. They have the range of logarithms (about e^(10^11) either way) at the price of multiplications.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_TINY: Final = 1e-280  # a linear sum above this lost nothing that double precision could show
_FLOAT_RANGE: Final = 80.0  # exp(-80) is still a normal float32
_NEGLIGIBLE: Final = 1e-40  # probability of a state below which its successors are not visited
_LOW: Final = 2.0**-256
_HIGH: Final = 2.0**256
_DOWN: Final = 2.0**-512
_UP: Final = 2.0**512
_LOG_STEP: Final = 512 * 0.6931471805599453
_WIDE: Final = 600.0  # exp of a difference below this neither overflows nor vanishes


@kernel
def reduce_to_classes(
    logits: Floats,
    exponentials: Floats,
    highest: Floats,
    token_class: Ints,
    token_order: Ints,
    class_start: Ints,
) -> tuple[Doubles, Doubles, Doubles, Ints]:
    """One pass over [C, V].

    Args:
        exponentials: [C, V], exp(logits - highest).
        highest: [C], the greatest logit of each position.

    Returns:
        total: [C, K] log-sum-exp of each class's logits, -inf for an empty class.
        mean: [C, K] expected logit under the softmax inside the class, 0 where it has no mass.
        top: [C, K] greatest logit; top_token: [C, K] the first token that has it.
    """
    positions, size = logits.shape
    count = len(class_start) - 1
    total = np.zeros((positions, count), np.float64)
    mean = np.zeros((positions, count), np.float64)
    top = np.full((positions, count), -np.inf, np.float64)
    top_token = np.full((positions, count), -1, np.int32)
    for i in range(positions):
        for token in range(size):
            k = token_class[token]
            x = logits[i, token]
            e = exponentials[i, token]
            if e > 0.0:
                total[i, k] += e
                mean[i, k] += e * x
            if x > top[i, k]:
                top[i, k] = x
                top_token[i, k] = token
        for k in range(count):
            reference = highest[i]
            if (
                top[i, k] < reference - _FLOAT_RANGE
            ):  # float32 lost this class: sum again around its own maximum
                total[i, k] = 0.0
                mean[i, k] = 0.0
                if top[i, k] == -np.inf:
                    total[i, k] = -np.inf
                    continue
                reference = np.float32(top[i, k])
                for at in range(class_start[k], class_start[k + 1]):
                    x = logits[i, token_order[at]]
                    weight = np.exp(np.float64(x) - reference)
                    if weight > 0.0:
                        total[i, k] += weight
                        mean[i, k] += weight * x
            mean[i, k] /= total[i, k]
            total[i, k] = np.log(total[i, k]) + reference
    return total, mean, top, top_token


@kernel
def weigh_labels(
    total: Doubles, top: Doubles, label_start: Ints, label_class: Ints, used: npt.NDArray[np.bool_]
) -> tuple[Doubles, Doubles]:
    """[C, L] log-sum-exp and maximum of each label's classes; only labels in `used` [L] are computed."""
    positions, count = total.shape
    n_labels = len(label_start) - 1
    weight = np.full((positions, n_labels), -np.inf, np.float64)
    best = np.full((positions, n_labels), -np.inf, np.float64)
    linear = np.empty(count, np.float64)
    for i in range(positions):
        highest = total[i].max()
        for k in range(count):
            linear[k] = np.exp(total[i, k] - highest)
        for label in range(n_labels):
            if not used[label]:
                continue
            mass = 0.0
            greatest = -np.inf
            for at in range(label_start[label], label_start[label + 1]):
                k = label_class[at]
                mass += linear[k]
                greatest = max(greatest, top[i, k])
            best[i, label] = greatest
            if mass > _TINY:
                weight[i, label] = np.log(mass) + highest
            elif greatest > -np.inf:
                weight[i, label] = _log_sum(
                    total[i], label_class[label_start[label] : label_start[label + 1]]
                )
    return weight, best


@kernel
def _log_sum(values: Doubles, chosen: Ints) -> float:
    highest = -np.inf
    for k in chosen:
        highest = max(highest, values[k])
    mass = 0.0
    for k in chosen:
        mass += np.exp(values[k] - highest)
    return float(np.log(mass) + highest)


@kernel
def to_scaled(logs: Doubles) -> tuple[Doubles, Ints]:
    """exp of log weights, of any size, as scaled numbers."""
    scaled = np.zeros(logs.shape, np.float64)
    scale = np.zeros(logs.shape, np.int32)
    for i in range(logs.shape[0]):
        for j in range(logs.shape[1]):
            if logs[i, j] > -np.inf:
                step = np.floor(logs[i, j] / _LOG_STEP + 0.5)
                scaled[i, j] = np.exp(logs[i, j] - step * _LOG_STEP)
                scale[i, j] = np.int32(step)
    return scaled, scale


def log_of_scaled(values: Doubles, scales: Ints) -> float:
    """Log of the first of scaled numbers."""
    return float(np.log(values[0]) + scales[0] * _LOG_STEP)


@kernel
def _normal(value: float, scale: int) -> tuple[float, int]:
    """Bring a positive value back into [2^-256, 2^256)."""
    if value >= _HIGH:
        return value * _DOWN, scale + 1
    if value < _LOW:
        return value * _UP, scale - 1
    return value, scale


@kernel
def _shifted(value: float, scale: int) -> float:
    """value * 2^(512 scale) as a plain number."""
    if scale == 0:
        return value
    if scale == -1:
        return value * _DOWN
    return value * _UP if scale > 0 else 0.0


@kernel
def backward(
    layer_start: Ints, edge_start: Ints, edge_to: Ints, edge_label: Ints, weight: Doubles, weight_scale: Ints
) -> tuple[Doubles, Ints]:
    """[N] weight of all ways from each node to the end of the canvas, as scaled numbers.

    Args:
        weight, weight_scale: [C, L] scaled weights of the labels.
    """
    nodes = len(edge_start) - 1
    beta = np.ones(nodes, np.float64)
    scale = np.zeros(nodes, np.int32)
    for i in range(len(layer_start) - 3, -1, -1):
        for node in range(layer_start[i], layer_start[i + 1]):
            total = 0.0
            total_scale = 0
            for edge in range(edge_start[node], edge_start[node + 1]):
                label = edge_label[edge]
                after = edge_to[edge]
                term = weight[i, label] * beta[after]
                if term == 0.0:
                    continue
                term, term_scale = _normal(term, weight_scale[i, label] + scale[after])
                if total == 0.0:
                    total, total_scale = term, term_scale
                elif term_scale <= total_scale:
                    total += _shifted(term, term_scale - total_scale)
                else:
                    total, total_scale = term + _shifted(total, total_scale - term_scale), term_scale
            if total > 0.0:
                total, total_scale = _normal(total, total_scale)
            beta[node] = total
            scale[node] = total_scale
    return beta, scale


@kernel
def viterbi(layer_start: Ints, edge_start: Ints, edge_to: Ints, edge_label: Ints, best: Doubles) -> Ints:
    """[N] the edge of the best way from each node, -1 where there is none."""
    nodes = len(edge_start) - 1
    delta = np.zeros(nodes, np.float64)
    choice = np.full(nodes, -1, np.int32)
    for i in range(len(layer_start) - 3, -1, -1):
        for node in range(layer_start[i], layer_start[i + 1]):
            highest = -np.inf
            for edge in range(edge_start[node], edge_start[node + 1]):
                way = best[i, edge_label[edge]] + delta[edge_to[edge]]
                if way > highest:
                    highest = way
                    choice[node] = edge
            delta[node] = highest
    return choice


@kernel
def trace_best(
    edge_to: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    choice: Ints,
    top: Doubles,
    top_token: Ints,
) -> tuple[npt.NDArray[np.int64], Ints]:
    """[C] the tokens of the best way, and [C + 1] its nodes."""
    positions = top.shape[0]
    tokens = np.empty(positions, np.int64)
    path = np.zeros(positions + 1, np.int32)
    for i in range(positions):
        edge = choice[path[i]]
        label = edge_label[edge]
        chosen = label_class[label_start[label]]
        for j in range(label_start[label], label_start[label + 1]):
            if top[i, label_class[j]] > top[i, chosen]:
                chosen = label_class[j]
        tokens[i] = top_token[i, chosen]
        path[i + 1] = edge_to[edge]
    return tokens, path


@kernel
def sample_classes(
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    beta: Doubles,
    scale: Ints,
    weight: Doubles,
    weight_scale: Ints,
    log_weight: Doubles,
    total: Doubles,
    uniforms: Doubles,
) -> tuple[Ints, Doubles]:
    """Sample a way: an edge, then a class of its label, each by inverse CDF of one uniform per position.

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
            chances[edge - first] = _shifted(
                weight[i, label] * beta[after] / beta[node],
                weight_scale[i, label] + scale[after] - scale[node],
            )
        taken, u = _invert(chances, uniforms[i])
        label = edge_label[first + taken]
        node = edge_to[first + taken]
        members = label_class[label_start[label] : label_start[label + 1]]
        chances = np.empty(len(members), np.float64)
        for j in range(len(members)):
            chances[j] = np.exp(total[i, members[j]] - log_weight[i, label])
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
def pick_tokens(
    logits: Floats,
    exponentials: Floats,
    highest: Floats,
    total: Doubles,
    top: Doubles,
    chosen: Ints,
    left: Doubles,
    token_order: Ints,
    class_start: Ints,
) -> npt.NDArray[np.int64]:
    """[C] a token of each chosen class: inverse CDF of `left`, tokens in order of ids.

    The other arguments are those of `reduce_to_classes` and what it returned.
    """
    tokens = np.empty(len(chosen), np.int64)
    for i in range(len(chosen)):
        k = chosen[i]
        lost = top[i, k] < highest[i] - _FLOAT_RANGE  # as when the class was summed
        reference = top[i, k] if lost else np.float64(highest[i])
        level = left[i] * np.exp(total[i, k] - reference)
        reached = 0.0
        for token in token_order[class_start[k] : class_start[k + 1]]:
            p = (
                np.exp(np.float64(logits[i, token]) - reference)
                if lost
                else np.float64(exponentials[i, token])
            )
            if p > 0.0:
                tokens[i] = token
                reached += p
                if level < reached:
                    break
    return tokens


@kernel
def label_masses(
    layer_start: Ints,
    edge_start: Ints,
    edge_to: Ints,
    edge_label: Ints,
    beta: Doubles,
    scale: Ints,
    weight: Doubles,
    weight_scale: Ints,
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
                label = edge_label[edge]
                after = edge_to[edge]
                flow = _shifted(
                    here * (weight[i, label] * beta[after]),
                    weight_scale[i, label] + scale[after] - scale[node],
                )
                probability[after] += flow
                mass[i, label] += flow
    return mass


@kernel
def class_marginals(
    mass: Doubles, weight: Doubles, total: Doubles, mean: Doubles, label_start: Ints, label_class: Ints
) -> tuple[Floats, Floats]:
    """Turn label probabilities into token marginals, one number per class.

    Returns:
        bias: [C, K] float32; the log marginal of token t is logits[i, t] + bias[i, class of t].
        entropy: [C] float32 nats, of the token marginals.
    """
    positions, count = total.shape
    bias = np.full((positions, count), -np.inf, np.float32)
    entropy = np.zeros(positions, np.float32)
    shift = np.empty(mass.shape[1], np.float64)
    for i in range(positions):
        reference = 0.0
        heaviest = 0.0
        for label in range(mass.shape[1]):
            if mass[i, label] > 0.0:
                shift[label] = np.log(mass[i, label]) - weight[i, label]
                if mass[i, label] > heaviest:
                    heaviest = mass[i, label]
                    reference = shift[label]
        value = _sum_by_class(mass[i], shift, reference, label_start, label_class, count)
        nats = 0.0
        for k in range(count):
            if value[k] > -np.inf and total[i, k] > -np.inf:
                bias[i, k] = value[k]
                nats -= np.exp(value[k] + total[i, k]) * (value[k] + mean[i, k])
        entropy[i] = max(nats, 0.0)
    return bias, entropy


@kernel
def _sum_by_class(
    mass: Doubles, shift: Doubles, reference: float, label_start: Ints, label_class: Ints, count: int
) -> Doubles:
    """[K] log-sum-exp of the shifts of the labels that hold each class."""
    result = np.zeros(count, np.float64)
    narrow = True
    for label in range(len(mass)):
        if mass[label] > 0.0:
            if abs(shift[label] - reference) > _WIDE:
                narrow = False
                break
            term = np.exp(shift[label] - reference)
            for at in range(label_start[label], label_start[label + 1]):
                result[label_class[at]] += term
    if narrow:
        for k in range(count):
            result[k] = np.log(result[k]) + reference if result[k] > 0.0 else -np.inf
        return result
    highest = np.full(count, -np.inf, np.float64)
    for label in range(len(mass)):
        if mass[label] > 0.0:
            for at in range(label_start[label], label_start[label + 1]):
                highest[label_class[at]] = max(highest[label_class[at]], shift[label])
    result[:] = 0.0
    for label in range(len(mass)):
        if mass[label] > 0.0:
            for at in range(label_start[label], label_start[label + 1]):
                result[label_class[at]] += np.exp(shift[label] - highest[label_class[at]])
    for k in range(count):
        result[k] = np.log(result[k]) + highest[k] if result[k] > 0.0 else -np.inf
    return result
