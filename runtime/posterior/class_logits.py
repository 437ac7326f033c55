"""Logits reduced from tokens to token classes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ClassLogits(ABC):
    """[C, V] logits, tempered, by class.

    Attributes:
        logits: [C, V] float32, as they came.
        inverse: one over the temperature.
        top: [C, K] greatest logit, -inf where there is none.
        mass: [C, K] sum of exp(logit - top), 0 where there is none.
        mean: [C, K] expected logit under the softmax inside the class, 0 where it has no mass.
    """

    logits: torch.Tensor
    inverse: float
    classes: TokenClasses
    top: Doubles
    mass: Doubles
    mean: Doubles

    @abstractmethod
    def first_tokens(self, chosen: Ints) -> Longs:
        """[C] the first token of each chosen class that has its greatest logit."""

    @abstractmethod
    def draw(self, chosen: Ints, left: Doubles) -> Longs:
        """[C] a token of each chosen class by inverse CDF of `left`, tokens in order of ids."""


def check_logits(finite: bool) -> None:
    """Refuse broken logits.

    Raises:
        GrammarError: not all are finite or minus infinity.
    """
    if not finite:
        raise GrammarError("the logits of a position are NaN or infinite")
