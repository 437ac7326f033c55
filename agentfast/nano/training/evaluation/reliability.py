"""Reliability of confidences: accuracy by confidence, and the calibration of least log loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from agentfast.runtime.core.calibration import Calibration

Doubles = npt.NDArray[np.float64]
Sort = Literal["choice", "free", "whole", "lowest"]

BINS = 10
_SCALES = np.geomspace(0.02, 2.0, 80)
_SHIFTS = np.linspace(-4.0, 4.0, 81)
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Judgement:
    """One judged field or call.

    Attributes:
        sort: a field of few values ("choice") or of many ("free"), a whole call, or a call's least sure field.
        confidence: the model's probability of it.
        right: True if it equals the gold one.
        others: of a choice, the probabilities of the other values.
    """

    sort: Sort
    confidence: float
    right: bool
    others: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Reliability:
    """Reliability of one sort of judgements.

    Attributes:
        bins: (mean confidence, share right, count) of each non-empty tenth of confidence.
    """

    count: int
    right: float
    ece: float
    brier: float
    log_loss: float
    auroc: float | None
    bins: tuple[tuple[float, float, int], ...]

    @classmethod
    def of(cls, judgements: Sequence[Judgement]) -> Reliability:
        """The reliability over one judgement at least."""
        p = np.array([judgement.confidence for judgement in judgements], np.float64)
        right = np.array([judgement.right for judgement in judgements], np.float64)
        place = np.minimum((p * BINS).astype(int), BINS - 1)
        found = [(p[place == b], right[place == b]) for b in range(BINS)]
        bins = [(float(ps.mean()), float(rs.mean()), len(ps)) for ps, rs in found if len(ps)]
        return cls(
            count=len(p),
            right=round(float(right.mean()), 4),
            ece=round(sum(n * abs(mean - share) for mean, share, n in bins) / len(p), 4),
            brier=round(float(((p - right) ** 2).mean()), 4),
            log_loss=round(float(log_loss(p, right)), 4),
            auroc=auroc(p, right),
            bins=tuple((round(mean, 4), round(share, 4), n) for mean, share, n in bins),
        )


def log_loss(p: Doubles, right: Doubles) -> Doubles:
    """Mean log loss over the last axis, nats."""
    clipped = p.clip(1e-6, 1 - 1e-6)
    losses: Doubles = -np.log(np.where(right > 0, clipped, 1 - clipped))
    mean: Doubles = losses.mean(axis=-1)
    return mean


def auroc(p: Doubles, right: Doubles) -> float | None:
    """Probability that a right one has the greater confidence than a wrong one, ties half; None without both."""
    good, bad = np.sort(p[right > 0]), p[right == 0]
    if not len(good) or not len(bad):
        return None
    below, reached = np.searchsorted(good, bad, "left"), np.searchsorted(good, bad, "right")
    wins = (len(good) - reached) + 0.5 * (reached - below)
    return round(float(wins.sum() / (len(good) * len(bad))), 4)


def reliabilities(judgements: Sequence[Judgement]) -> dict[str, Reliability]:
    """The reliability of each sort, and of all fields."""
    sorts: defaultdict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        sorts[judgement.sort].append(judgement)
        if judgement.sort in ("choice", "free"):
            sorts["field"].append(judgement)
    return {
        sort: Reliability.of(sorts[sort])
        for sort in ("field", "choice", "free", "whole", "lowest")
        if sorts[sort]
    }


def fit(judgements: Sequence[Judgement]) -> Calibration:
    """The calibration of least log loss, by a grid; of a sort that is not judged, the identity."""
    choices = [judgement for judgement in judgements if judgement.sort == "choice"]
    return Calibration(
        choice=_fit_choice(choices) if choices else 1.0,
        free=_fit_odds([judgement for judgement in judgements if judgement.sort == "free"]),
        whole=_fit_odds([judgement for judgement in judgements if judgement.sort == "whole"]),
    )


def _fit_choice(choices: Sequence[Judgement]) -> float:
    right = np.array([judgement.right for judgement in choices], np.float64)
    widest = max(len(judgement.others) for judgement in choices)
    logs = np.full((len(choices), 1 + widest), -np.inf)  # the chosen value's first
    with np.errstate(divide="ignore"):
        for row, judgement in enumerate(choices):
            logs[row, : 1 + len(judgement.others)] = np.log([judgement.confidence, *judgement.others])

    def loss(scale: float) -> float:
        powers = np.exp(scale * logs)
        return float(log_loss(powers[:, 0] / powers.sum(axis=1), right))

    return round(float(min(_SCALES, key=loss)), 3)


def _fit_odds(judgements: Sequence[Judgement]) -> tuple[float, float]:
    if not judgements:
        return 1.0, 0.0
    p = np.array([judgement.confidence for judgement in judgements]).clip(_LEAST, 1 - _LEAST)
    right = np.array([judgement.right for judgement in judgements], np.float64)
    odds = _SCALES[:, None, None] * np.log(p / (1 - p)) + _SHIFTS[None, :, None]
    losses = log_loss(1 / (1 + np.exp(-odds)), right)
    scale, shift = np.unravel_index(losses.argmin(), losses.shape)
    return round(float(_SCALES[scale]), 3), round(float(_SHIFTS[shift]), 2)


def table(found: Mapping[str, Reliability]) -> str:
    """A Markdown table: for each tenth of confidence the share and number of right ones, then the sums."""
    lines = ["| confidence | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for place in range(BINS):
        cells = [_cell(reliability, place) for reliability in found.values()]
        if any(cells):
            lines.append(f"| {place / BINS:.1f} to {(place + 1) / BINS:.1f} | " + " | ".join(cells) + " |")
    rows: dict[str, list[object]] = {
        "number": [r.count for r in found.values()],
        "share right": [r.right for r in found.values()],
        "ECE": [r.ece for r in found.values()],
        "Brier": [r.brier for r in found.values()],
        "log loss": [r.log_loss for r in found.values()],
        "AUROC": [r.auroc for r in found.values()],
    }
    lines += [f"| {name} | " + " | ".join(map(str, cells)) + " |" for name, cells in rows.items()]
    return "\n".join(lines)


def _cell(reliability: Reliability, place: int) -> str:
    for mean, share, count in reliability.bins:
        if min(int(mean * BINS), BINS - 1) == place:
            return f"{share:.2f} ({count})"
    return ""
