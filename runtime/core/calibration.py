"""Calibration of field probabilities: Platt scaling, and temperature over the values of a choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Any, Final

from agentfast.errors import ConfigError

_LEAST: Final = 1e-9  # odds beyond this are rounding


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration parameters, fitted on held-out data: a calibrated probability is the share of right values.

    Attributes:
        choice: exponent (inverse temperature) of the probabilities of a field with few known values; renormalised after.
        free: scale and shift of the log odds of any other field's value (Platt scaling).
        whole: the same of a whole call or answer.
    """

    choice: float = 1.0
    free: tuple[float, float] = (1.0, 0.0)
    whole: tuple[float, float] = (1.0, 0.0)

    def __post_init__(self) -> None:
        for name, value in (("choice", self.choice), ("free", self.free[0]), ("whole", self.whole[0])):
            if not value > 0:
                raise ConfigError(f"calibration's {name} is {value}; it must be above 0")

    def choices(self, probabilities: Sequence[float]) -> list[float]:
        """Calibrated probabilities of all values of a field."""
        powers = [p**self.choice for p in probabilities]
        total = sum(powers)
        return [power / total for power in powers]

    @staticmethod
    def shifted(p: float, numbers: tuple[float, float]) -> float:
        """Platt scaling: sigmoid(scale * logit(p) + shift), `numbers` being (scale, shift)."""
        if numbers == (1.0, 0.0):
            return p
        clipped = min(max(p, _LEAST), 1 - _LEAST)
        return 1 / (1 + exp(-(numbers[0] * log(clipped / (1 - clipped)) + numbers[1])))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Calibration:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: it is something else.
        """
        try:
            free, whole = (tuple(float(number) for number in raw[name]) for name in ("free", "whole"))
            (a, b), (c, d) = free, whole
            return cls(float(raw["choice"]), (a, b), (c, d))
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigError(f"confidence_calibration is {raw!r}: {error!r}") from error

    def to_json(self) -> dict[str, Any]:
        """The value of `confidence_calibration` in agentfast.json."""
        return {"choice": self.choice, "free": list(self.free), "whole": list(self.whole)}


DEFAULT_CALIBRATION: Final = Calibration()
"""The identity."""
