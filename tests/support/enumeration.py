"""Reference posterior of a canvas: the enumeration of every token sequence."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import assume
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import TokenGrammar
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior as CanvasPosterior
from agentfast.runtime.posterior.exact import canvas_posterior

Floats = npt.NDArray[np.float32]


@dataclass
class Enumeration:
    """Every allowed sequence [n, C] with its log weight [n]."""

    sequences: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, sequences: Iterator[tuple[int, ...]], logits: Floats) -> Enumeration:
        """The sequences that logits [C, V] do not rule out."""
        found = np.array(list(sequences), np.int64).reshape(-1, len(logits))
        weights = logits.astype(np.float64)[np.arange(len(logits)), found].sum(axis=1)
        return cls(found[weights > -np.inf], weights[weights > -np.inf])

    @property
    def log_z(self) -> float:
        """Log of the total weight."""
        return float(np.logaddexp.reduce(self.weights))

    def marginals(self, size: int) -> npt.NDArray[np.float64]:
        """Probabilities [C, V] of each token at each position."""
        result = np.zeros((self.sequences.shape[1], size))
        shares = np.exp(self.weights - self.log_z)
        for position, tokens in enumerate(self.sequences.T):
            np.add.at(result[position], tokens, shares)
        return result


def enumerate_canvas(grammar: TokenGrammar, state: int, logits: Floats, budget: int) -> Enumeration:
    """Sequences that are allowed and can end within the budget, by brute force from the definition."""
    canvas, size = logits.shape

    def sequences(state: int, before: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if state == grammar.DEAD or (len(before) == budget and not grammar.is_done(state)):
            return
        if len(before) < canvas:
            for token in range(size):
                yield from sequences(grammar.advance(state, token), (*before, token))
        elif grammar.min_tokens(state) <= max(budget - canvas, 0) or grammar.is_done(state):
            yield before

    return Enumeration.of(sequences(state, ()), logits)


@st.composite
def random_logits(draw: st.DrawFn, canvas: int, size: int) -> Floats:
    """[C, V] of any scale, some of them -inf."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    scale = draw(st.sampled_from([0.0, 1.0, 5.0, 200.0, 2000.0]))
    logits = (random.normal(size=(canvas, size)) * scale).astype(np.float32)
    logits[random.random(logits.shape) < draw(st.sampled_from([0.0, 0.3]))] = -np.inf
    assume(np.isfinite(logits).any(axis=1).all())
    return logits


def solve(
    grammar: TokenGrammar,
    logits: Floats,
    budget: int,
    uniforms: npt.NDArray[np.float64] | None = None,
    state: int = 0,
) -> CanvasPosterior | GrammarError:
    """The posterior of one canvas, or its error."""
    drawn = np.full(len(logits), 0.5) if uniforms is None else uniforms
    [result] = canvas_posterior([CanvasRow(torch.from_numpy(logits), grammar, state, budget, drawn)])
    assert isinstance(result, CanvasPosterior | GrammarError)
    return result


def solved(
    grammar: TokenGrammar,
    logits: Floats,
    budget: int,
    uniforms: npt.NDArray[np.float64] | None = None,
    state: int = 0,
) -> CanvasPosterior:
    """The posterior of one canvas that has one."""
    result = solve(grammar, logits, budget, uniforms, state)
    assert isinstance(result, CanvasPosterior)
    return result


def agrees(result: CanvasPosterior | GrammarError, truth: Enumeration, logits: Floats) -> None:
    """Assert that log Z, the joint MAP, the sample, the marginals and the entropies are those of the enumeration."""
    if not len(truth.weights):
        assert isinstance(result, GrammarError)
        return
    assert isinstance(result, CanvasPosterior)
    scale = max(1.0, float(np.abs(truth.weights).max()))
    assert result.log_z == pytest.approx(truth.log_z, abs=1e-5 * scale)
    found = {
        tuple(way): log for way, log in zip(truth.sequences.tolist(), truth.weights.tolist(), strict=True)
    }
    assert found[tuple(result.best.tolist())] == pytest.approx(float(truth.weights.max()), abs=1e-5 * scale)
    assert tuple(result.sample.tolist()) in found
    marginals = truth.marginals(logits.shape[1])
    marginals_found = result.marginals(torch.from_numpy(logits)).numpy()
    np.testing.assert_allclose(marginals_found, marginals, atol=2e-4 * max(1.0, scale / 100))
    # The total mass is 1 at every position: Z is the same wherever it is read off.
    np.testing.assert_allclose(marginals_found.sum(axis=1), 1.0, atol=2e-4 * max(1.0, scale / 100))
    entropy = -(marginals * np.log(np.where(marginals > 0, marginals, 1.0))).sum(axis=1)
    np.testing.assert_allclose(result.entropy, entropy, atol=1e-3 * max(1.0, scale / 100))


def agrees_with_enumeration(grammar: TokenGrammar, logits: Floats, budget: int, state: int = 0) -> None:
    """Assert that the posterior of a canvas is that of the enumeration by `enumerate_canvas`."""
    agrees(
        solve(grammar, logits, budget, state=state), enumerate_canvas(grammar, state, logits, budget), logits
    )


def samples_follow(
    truth: Enumeration, grammar: TokenGrammar, logits: Floats, budget: int, random: np.random.Generator
) -> None:
    """Assert by a chi-square test that samples have the joint distribution of an enumeration."""
    rows = [
        CanvasRow(torch.from_numpy(logits), grammar, 0, budget, random.random(len(logits)))
        for _ in range(6000)
    ]
    assert _chi_square_excess(_counts(rows), truth) < 4


def _counts(rows: list[CanvasRow]) -> dict[tuple[int, ...], int]:
    """Counts of the sequences that are samples of the rows."""
    counts: dict[tuple[int, ...], int] = {}
    for result in canvas_posterior(rows):
        assert isinstance(result, CanvasPosterior)
        key = tuple(result.sample.tolist())
        counts[key] = counts.get(key, 0) + 1
    return counts


def _chi_square_excess(counts: dict[tuple[int, ...], int], truth: Enumeration) -> float:
    """Excess of chi square of drawn sequences over its mean, in its standard deviations."""
    draws = sum(counts.values())
    expected = np.exp(truth.weights - truth.log_z) * draws
    left = dict(counts)
    observed = np.array([left.pop(tuple(sequence), 0) for sequence in truth.sequences.tolist()])
    assert not left, "what was drawn is not allowed"
    common = expected >= 5
    freedom = int(common.sum()) - 1
    assert freedom > 10
    chi_square = float((((observed - expected) ** 2) / expected)[common].sum())
    return (chi_square - freedom) / math.sqrt(2 * freedom)
