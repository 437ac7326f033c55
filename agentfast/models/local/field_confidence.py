"""The confidence of calls and answers, from the probabilities of their fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from agentfast.chat.base import FieldFormat
from agentfast.runtime.core.calibration import Calibration
from agentfast.runtime.core.fields import FieldProbability
from agentfast.tools.confidence import Alternatives, Confidence


def confidences(
    chat: FieldFormat, found: Sequence[FieldProbability], calibration: Calibration
) -> dict[int | None, Confidence]:
    """The confidence of each call, by its place, and of a typed answer, under None."""
    whole: dict[int | None, float] = {}
    fields: defaultdict[int | None, dict[str, float]] = defaultdict(dict)
    ranked: defaultdict[int | None, dict[str, Alternatives]] = defaultdict(dict)
    for field in found:
        part, path = cast("tuple[int | None, str | None]", field.key)
        if path is None:
            whole[part] = calibration.shifted(field.probability, calibration.whole)
        elif field.values:
            values = [value for value, _ in field.values]
            shares = calibration.choices([p for _, p in field.values])
            fields[part][path] = shares[values.index(field.written)]
            ranked[part][path] = _ranked(
                [(chat.value(part, path, v), p) for v, p in zip(values, shares, strict=True)]
            )
        else:
            fields[part][path] = calibration.shifted(field.probability, calibration.free)
    return {part: Confidence(p, fields[part], ranked[part]) for part, p in whole.items()}


def _ranked(shares: Sequence[tuple[Any, float]]) -> Alternatives:
    return tuple(sorted(shares, key=lambda pair: -pair[1]))
