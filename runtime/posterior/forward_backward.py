"""The ways through a plan, weighed by a canvas's logits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.posterior import forward_backward_kernels as kernels
from agentfast.runtime.posterior.class_logits import ClassSpace
from agentfast.runtime.posterior.marginal_kernels import class_marginals
from agentfast.runtime.posterior.trellis import Plan

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Ways:
    """All ways through a plan. The arrays are described where they are filled: `weigh_labels` and `backward`."""

    plan: Plan
    space: ClassSpace
    linear: Doubles
    reference: Doubles
    weight: Doubles
    weight_exponent: Ints
    beta: Doubles
    exponent: Ints
    choice: Ints

    @property
    def log_z(self) -> float:
        """Log weight of all ways."""
        return float(self.reference.sum() + np.log(self.beta[0]) + self.exponent[0] * kernels.LN2)

    def log_weights(self) -> Doubles:
        """[N] log weight of all ways from each node to the end of the canvas; -inf where there is none."""
        references = np.append(np.cumsum(self.reference[::-1])[::-1], 0.0)
        with np.errstate(divide="ignore"):
            logs = np.log(self.beta).astype(np.float64) + self.exponent * kernels.LN2
        logs += np.repeat(references, np.diff(self.plan.layer_start))
        return logs

    def best(self) -> tuple[Ints, Ints]:
        """[C] the classes of the best way, and [C + 1] its nodes."""
        plan, classes = self.plan, self.space.classes
        return kernels.trace_best(
            plan.edge_to,
            plan.edge_label,
            classes.label_start,
            classes.label_class,
            self.choice,
            self.space.top,
        )

    def sample(self, uniforms: Doubles) -> tuple[Ints, Doubles]:
        """[C] the classes of a sampled way, and what is left of each uniform for the token inside the class."""
        plan, space = self.plan, self.space
        return kernels.sample_classes(
            plan.edge_start, plan.edge_to, plan.edge_label, space.classes.label_start, space.classes.label_class,
            self.beta, self.exponent, self.weight, self.weight_exponent,
            space.top, space.mass, self.reference, uniforms,
        )  # fmt: skip

    def class_marginals(self) -> tuple[Floats, Floats]:
        """[C, K] log marginal of a token less its logit, by class, and [C] the entropy of the marginals in nats."""
        plan, space = self.plan, self.space
        flow = kernels.label_masses(
            plan.layer_start, plan.edge_start, plan.edge_to, plan.edge_label,
            self.beta, self.exponent, self.weight, self.weight_exponent,
        )  # fmt: skip
        return class_marginals(
            flow, self.weight, self.weight_exponent, self.reference,
            self.linear, space.top, space.mass, space.mean, space.classes.label_start, space.classes.label_class, plan.label_start, plan.labels,
        )  # fmt: skip


def ways_through(plan: Plan, space: ClassSpace) -> Ways:
    """Weigh the ways.

    Raises:
        GrammarError: none has any weight.
    """
    classes = space.classes
    positions, nodes, labels = len(space.top), len(plan.states), len(classes.label_start) - 1
    linear, reference = np.empty(space.top.shape, np.float64), np.empty(positions, np.float64)
    weight, highest = (np.empty((positions, labels), np.float64) for _ in range(2))
    weight_exponent = np.empty((positions, labels), np.int32)
    kernels.weigh_labels(
        classes.label_start, classes.label_class, plan.label_start, plan.labels,
        space.top, space.mass, linear, reference, weight, weight_exponent, highest,
    )  # fmt: skip
    beta, exponent, choice = np.empty(nodes, np.float64), np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    kernels.backward(
        plan.layer_start, plan.edge_start, plan.edge_to, plan.edge_label,
        weight, weight_exponent, highest, beta, exponent, choice,
    )  # fmt: skip
    if beta[0] == 0:
        raise GrammarError(
            "no sequence that the grammar allows has any weight: logits of -inf rule all of them out"
        )
    return Ways(plan, space, linear, reference, weight, weight_exponent, beta, exponent, choice)
