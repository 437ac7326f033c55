"""CPU kernels that turn label probabilities into token marginals, one number per class."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.kernel import kernel
from agentfast.runtime.posterior.kernels.forward_backward import LN2

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_WIDE: Final = 800  # two to this power, times a few thousand, is still a double


@kernel
def class_marginals(
    flow: Doubles,
    weight: Doubles,
    exponent: Ints,
    reference: Doubles,
    linear: Doubles,
    top: Doubles,
    mass: Doubles,
    mean: Doubles,
    label_start: Ints,
    label_class: Ints,
    position_start: Ints,
    position_label: Ints,
) -> tuple[Floats, Floats]:
    """Marginals of the classes.

    Args:
        flow: [C, L], from `label_masses`; the others as there and in `weigh_labels`.

    Returns:
        bias: [C, K] float32; the log marginal of token t is its logit at position i + bias[i, class of t].
        entropy: [C] float32 nats, of the token marginals.
    """
    positions, count = top.shape
    bias = np.full((positions, count), -np.inf, np.float32)
    entropy = np.zeros(positions, np.float32)
    share = np.empty(count, np.float64)
    for i in range(positions):
        labels = position_label[position_start[i] : position_start[i + 1]]
        narrow = _is_narrow(labels, flow[i], exponent[i])
        if narrow:
            _sum_shares(labels, flow[i], weight[i], exponent[i], label_start, label_class, share)
        else:
            _sum_far_shares(labels, flow[i], weight[i], exponent[i], label_start, label_class, share)
        nats = 0.0
        for k in range(count):
            if share[k] > -np.inf and mass[i, k] > 0.0 and (share[k] > 0.0 or not narrow):
                shift = (np.log(share[k]) if narrow else share[k]) - reference[i]
                p = share[k] * linear[i, k] if narrow else mass[i, k] * np.exp(top[i, k] + shift)
                bias[i, k] = shift
                nats -= p * (shift + mean[i, k])
        entropy[i] = max(nats, 0.0)
    return bias, entropy


@kernel
def _is_narrow(labels: Ints, flow: Doubles, exponent: Ints) -> bool:
    for label in labels:
        if flow[label] > 0.0 and exponent[label] < -_WIDE:
            return False
    return True


@kernel
def _sum_shares(
    labels: Ints,
    flow: Doubles,
    weight: Doubles,
    exponent: Ints,
    label_start: Ints,
    label_class: Ints,
    share: Doubles,
) -> None:
    """[K] sum, over the labels that hold a class, of flow by weight."""
    share[:] = 0.0
    for label in labels:
        if flow[label] > 0.0:
            part = flow[label] / (weight[label] * 2.0 ** exponent[label])
            for at in range(label_start[label], label_start[label + 1]):
                share[label_class[at]] += part


@kernel
def _sum_far_shares(
    labels: Ints,
    flow: Doubles,
    weight: Doubles,
    exponent: Ints,
    label_start: Ints,
    label_class: Ints,
    share: Doubles,
) -> None:
    """Its logarithm, where the weights are too far apart for plain numbers."""
    highest = np.full(len(share), -np.inf, np.float64)
    for label in labels:
        if flow[label] > 0.0:
            part = np.log(flow[label] / weight[label]) - exponent[label] * LN2
            for at in range(label_start[label], label_start[label + 1]):
                highest[label_class[at]] = max(highest[label_class[at]], part)
    share[:] = 0.0
    for label in labels:
        if flow[label] > 0.0:
            part = np.log(flow[label] / weight[label]) - exponent[label] * LN2
            for at in range(label_start[label], label_start[label + 1]):
                k = label_class[at]
                share[k] += np.exp(part - highest[k])
    for k in range(len(share)):
        share[k] = np.log(share[k]) + highest[k] if share[k] > 0.0 else -np.inf
