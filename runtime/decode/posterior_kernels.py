"""CPU kernels of the canvas posterior: tokens to classes, then dynamic programming over (position, state).

Notation: C positions, V tokens, K classes, L labels (sets of classes, see grammar/classes.py), S states. Layer i holds
the states that can be met before position i and from which EOS still fits the budget. All weights are log weights.
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
def layers(
    edge_start: Ints, edge_target: Ints, distance: Ints, start: int, positions: int, budget: int
) -> tuple[npt.NDArray[np.int64], Ints]:
    """States that can be met before each position, by way of states that can all still finish.

    Returns:
        layer_start: [C + 2]; layer i is states[layer_start[i]:layer_start[i + 1]].
        states: all layers, one after the other.
    """
    layer_start = np.zeros(positions + 2, np.int64)
    states = np.empty(1024, np.int32)
    states[0] = start
    layer_start[1] = 1
    count = 1
    stamp = np.full(len(distance), -1, np.int32)
    for i in range(positions):
        left = max(budget - i - 1, 0)
        for at in range(layer_start[i], layer_start[i + 1]):
            state = states[at]
            for edge in range(edge_start[state], edge_start[state + 1]):
                after = edge_target[edge]
                if stamp[after] != i and distance[after] <= left:
                    stamp[after] = i
                    if count == len(states):
                        grown = np.empty(2 * count, np.int32)
                        grown[:count] = states
                        states = grown
                    states[count] = after
                    count += 1
        layer_start[i + 2] = count
    return layer_start, states[:count]


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
def used_labels(edge_start: Ints, edge_label: Ints, states: Ints, n_labels: int) -> npt.NDArray[np.bool_]:
    """[L] whether any state of any layer has an edge with the label."""
    used = np.zeros(n_labels, np.bool_)
    seen = np.zeros(len(edge_start), np.bool_)
    for state in states:
        if not seen[state]:
            seen[state] = True
            for edge in range(edge_start[state], edge_start[state + 1]):
                used[edge_label[edge]] = True
    return used


@kernel
def backward(
    edge_start: Ints,
    edge_target: Ints,
    edge_label: Ints,
    layer_start: npt.NDArray[np.int64],
    states: Ints,
    weight: Doubles,
    best: Doubles,
) -> tuple[Doubles, Ints]:
    """Backward pass and Viterbi in one.

    Returns:
        beta: [layered states] log weight of all ways from the state to the end of the canvas.
        choice: [layered states] the edge of the best way, -1 where there is none.
    """
    positions = weight.shape[0]
    beta = np.full(len(states), -np.inf, np.float64)
    delta = np.full(len(states), -np.inf, np.float64)
    choice = np.full(len(states), -1, np.int32)
    for at in range(layer_start[positions], layer_start[positions + 1]):
        beta[at] = 0.0
        delta[at] = 0.0
    slot = np.full(len(edge_start), -1, np.int64)
    terms = np.empty(64, np.float64)
    for i in range(positions - 1, -1, -1):
        first_after = layer_start[i + 1]
        for at in range(first_after, layer_start[i + 2]):
            slot[states[at]] = at
        for at in range(layer_start[i], layer_start[i + 1]):
            state = states[at]
            highest = -np.inf
            count = 0
            if edge_start[state + 1] - edge_start[state] > len(terms):
                terms = np.empty(2 * (edge_start[state + 1] - edge_start[state]), np.float64)
            for edge in range(edge_start[state], edge_start[state + 1]):
                after = slot[edge_target[edge]]
                if after < 0:
                    continue
                label = edge_label[edge]
                term = weight[i, label] + beta[after]
                terms[count] = term
                count += 1
                highest = max(highest, term)
                way = best[i, label] + delta[after]
                if way > delta[at]:
                    delta[at] = way
                    choice[at] = edge
            if highest > -np.inf:
                mass = 0.0
                for j in range(count):
                    if terms[j] > highest - 45.0:  # exp(-45) is below double precision's reach
                        mass += np.exp(terms[j] - highest)
                beta[at] = highest + np.log(mass)
        for at in range(first_after, layer_start[i + 2]):
            slot[states[at]] = -1
    return beta, choice


@kernel
def trace_best(
    edge_target: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    layer_start: npt.NDArray[np.int64],
    states: Ints,
    choice: Ints,
    top: Doubles,
    top_token: Ints,
) -> tuple[npt.NDArray[np.int64], Ints]:
    """[C] the tokens of the best way, and [C + 1] its states."""
    positions = top.shape[0]
    tokens = np.empty(positions, np.int64)
    path = np.empty(positions + 1, np.int32)
    state = states[0]
    path[0] = state
    for i in range(positions):
        at = layer_start[i]
        while states[at] != state:
            at += 1
        edge = choice[at]
        label = edge_label[edge]
        chosen = label_class[label_start[label]]
        for j in range(label_start[label], label_start[label + 1]):
            if top[i, label_class[j]] > top[i, chosen]:
                chosen = label_class[j]
        tokens[i] = top_token[i, chosen]
        state = edge_target[edge]
        path[i + 1] = state
    return tokens, path


@kernel
def sample_classes(
    edge_start: Ints,
    edge_target: Ints,
    edge_label: Ints,
    label_start: Ints,
    label_class: Ints,
    layer_start: npt.NDArray[np.int64],
    states: Ints,
    beta: Doubles,
    weight: Doubles,
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
    slot = np.full(len(edge_start), -1, np.int64)
    state = states[0]
    here = beta[0]
    for i in range(positions):
        for at in range(layer_start[i + 1], layer_start[i + 2]):
            slot[states[at]] = at
        u = uniforms[i]
        edge = -1
        low, width = 0.0, 0.0
        for candidate in range(edge_start[state], edge_start[state + 1]):
            after = slot[edge_target[candidate]]
            if after < 0:
                continue
            p = np.exp(weight[i, edge_label[candidate]] + beta[after] - here)
            if p > 0.0:
                if edge >= 0:
                    low += width
                edge = candidate
                width = p
                if u < low + width:
                    break
        u = min(max((u - low) / width, 0.0), 1.0)
        label = edge_label[edge]
        cls = -1
        low, width = 0.0, 0.0
        for j in range(label_start[label], label_start[label + 1]):
            p = np.exp(total[i, label_class[j]] - weight[i, label])
            if p > 0.0:
                if cls >= 0:
                    low += width
                cls = label_class[j]
                width = p
                if u < low + width:
                    break
        chosen[i] = cls
        left[i] = min(max((u - low) / width, 0.0), 1.0)
        here = beta[slot[edge_target[edge]]]
        state = edge_target[edge]
        for at in range(layer_start[i + 1], layer_start[i + 2]):
            slot[states[at]] = -1
    return chosen, left


@kernel
def pick_tokens(
    logits: Floats,
    exponentials: Floats,
    top: Doubles,
    chosen: Ints,
    left: Doubles,
    token_order: Ints,
    class_start: Ints,
) -> npt.NDArray[np.int64]:
    """[C] a token of each chosen class: inverse CDF of `left`, tokens in order of ids.

    Args:
        exponentials: [C, V] as for `reduce_to_classes`; where they lost a class, its logits are used.
        top: [C, K] greatest logit of each class.
    """
    tokens = np.empty(len(chosen), np.int64)
    for i in range(len(chosen)):
        k = chosen[i]
        members = token_order[class_start[k] : class_start[k + 1]]
        mass = 0.0
        for token in members:
            mass += exponentials[i, token]
        lost = mass < 1e-30
        if lost:
            mass = 0.0
            for token in members:
                mass += np.exp(np.float64(logits[i, token]) - top[i, k])
        low = 0.0
        for token in members:
            p = (
                np.exp(np.float64(logits[i, token]) - top[i, k])
                if lost
                else np.float64(exponentials[i, token])
            )
            if p > 0.0:
                tokens[i] = token
                low += p
                if left[i] * mass < low:
                    break
    return tokens


@kernel
def label_masses(
    edge_start: Ints,
    edge_target: Ints,
    edge_label: Ints,
    layer_start: npt.NDArray[np.int64],
    states: Ints,
    beta: Doubles,
    weight: Doubles,
) -> Doubles:
    """[C, L] probability that position i takes an edge with the label."""
    positions, n_labels = weight.shape
    mass = np.zeros((positions, n_labels), np.float64)
    slot = np.full(len(edge_start), -1, np.int64)
    probability = np.zeros(len(states), np.float64)
    probability[0] = 1.0
    for i in range(positions):
        for at in range(layer_start[i + 1], layer_start[i + 2]):
            slot[states[at]] = at
        for at in range(layer_start[i], layer_start[i + 1]):
            here = probability[at]
            if here < _NEGLIGIBLE:
                continue
            state = states[at]
            for edge in range(edge_start[state], edge_start[state + 1]):
                after = slot[edge_target[edge]]
                if after < 0:
                    continue
                label = edge_label[edge]
                flow = here * np.exp(weight[i, label] + beta[after] - beta[at])
                probability[after] += flow
                mass[i, label] += flow
        for at in range(layer_start[i + 1], layer_start[i + 2]):
            slot[states[at]] = -1
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
