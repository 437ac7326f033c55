"""Forward and backward passes over a trellis, weighted by a canvas's logits (Rabiner 1989)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.posterior.class_logits import ClassLogits
from agentfast.runtime.posterior.kernels import forward_backward as kernels
from agentfast.runtime.posterior.kernels.marginals import class_marginals
from agentfast.runtime.posterior.trellis import Trellis

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class WeightedPaths:
    """The paths through a trellis and their weights. The arrays are described where they are filled: `weigh_labels` and `backward`."""

    trellis: Trellis
    reduced: ClassLogits
    linear: Doubles
    reference: Doubles
    weight: Doubles
    weight_exponent: Ints
    beta: Doubles
    exponent: Ints
    choice: Ints

    @property
    def log_z(self) -> float:
        """Log weight of all paths."""
        return float(self.reference.sum() + np.log(self.beta[0]) + self.exponent[0] * kernels.LN2)

    def log_weights(self) -> Doubles:
        """[N] log weight of all paths from each node to the end of the canvas; -inf where there is none."""
        references = np.append(np.cumsum(self.reference[::-1])[::-1], 0.0)
        with np.errstate(divide="ignore"):
            logs = np.log(self.beta).astype(np.float64) + self.exponent * kernels.LN2
        logs += np.repeat(references, np.diff(self.trellis.layer_start))
        return logs

    def best(self) -> tuple[Ints, Ints]:
        """[C] the classes of the best path, and [C + 1] its nodes."""
        trellis, classes = self.trellis, self.reduced.classes
        return kernels.trace_best(
            trellis.edge_to,
            trellis.edge_label,
            classes.label_start,
            classes.label_class,
            self.choice,
            self.reduced.top,
        )

    def sample(self, uniforms: Doubles) -> tuple[Ints, Doubles]:
        """[C] the classes of a sampled path, and what is left of each uniform for the token inside the class."""
        trellis, reduced = self.trellis, self.reduced
        return kernels.sample_classes(
            trellis.edge_start, trellis.edge_to, trellis.edge_label, reduced.classes.label_start, reduced.classes.label_class,
            self.beta, self.exponent, self.weight, self.weight_exponent,
            reduced.top, reduced.mass, self.reference, uniforms,
        )  # fmt: skip

    def class_marginals(self) -> tuple[Floats, Floats]:
        """[C, K] log marginal of a token less its logit, by class, and [C] the entropy of the marginals in nats."""
        trellis, reduced = self.trellis, self.reduced
        flow = kernels.label_masses(
            trellis.layer_start, trellis.edge_start, trellis.edge_to, trellis.edge_label,
            self.beta, self.exponent, self.weight, self.weight_exponent,
        )  # fmt: skip
        return class_marginals(
            flow, self.weight, self.weight_exponent, self.reference,
            self.linear, reduced.top, reduced.mass, reduced.mean, reduced.classes.label_start, reduced.classes.label_class, trellis.label_start, trellis.labels,
        )  # fmt: skip


def paths_through(trellis: Trellis, reduced: ClassLogits) -> WeightedPaths:
    """Weight the paths: one backward pass.

    Raises:
        GrammarError: none has any weight.
    """
    classes = reduced.classes
    positions, nodes, labels = len(reduced.top), len(trellis.states), len(classes.label_start) - 1
    linear, reference = np.empty(reduced.top.shape, np.float64), np.empty(positions, np.float64)
    weight, highest = (np.empty((positions, labels), np.float64) for _ in range(2))
    weight_exponent = np.empty((positions, labels), np.int32)
    kernels.weigh_labels(
        classes.label_start, classes.label_class, trellis.label_start, trellis.labels,
        reduced.top, reduced.mass, linear, reference, weight, weight_exponent, highest,
    )  # fmt: skip
    beta, exponent, choice = np.empty(nodes, np.float64), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    kernels.backward(
        trellis.layer_start, trellis.edge_start, trellis.edge_to, trellis.edge_label,
        weight, weight_exponent, highest, beta, exponent, choice,
    )  # fmt: skip
    check_weight(beta[0] != 0)
    return WeightedPaths(trellis, reduced, linear, reference, weight, weight_exponent, beta, exponent, choice)


def check_weight(any_weight: bool) -> None:
    """Refuse a canvas whose paths have no weight.

    Raises:
        GrammarError: there is none.
    """
    if not any_weight:
        raise GrammarError(
            "no sequence that the grammar allows has any weight: logits of -inf rule all of them out"
        )
