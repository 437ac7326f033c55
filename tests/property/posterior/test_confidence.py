"""Field probabilities against enumeration of every token sequence of small vocabularies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import EngineError
from agentfast.runtime.confidence.evidence import CanvasEvidence, ChoiceEvidence, TokenDistribution
from agentfast.runtime.confidence.field_probabilities import FieldLedger
from agentfast.runtime.core.fields import Field, FieldProbability
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior as CanvasPosterior
from agentfast.runtime.posterior.exact import canvas_posterior
from agentfast.runtime.posterior.host_ops import HostOps

Floats = npt.NDArray[np.float32]

PIECES = (b"a", b"b", b"c", b"ab", b"ca", b":a", b"b.", b":", b".")
EOS = len(PIECES)
VOCABULARY = Vocabulary((*PIECES, None), {"<eos>": EOS}, frozenset({EOS}))
VALUES = (b"a", b"ab", b"ca", b"cab", b"b")


@dataclass(frozen=True)
class Canvas:
    """A canvas that was committed: every sequence it could have been with its weight, and the one it is."""

    sequences: list[tuple[int, ...]]
    weights: npt.NDArray[np.float64]
    best: tuple[int, ...]

    def mass(self, prefix: Sequence[int] = ()) -> float:
        """Probability that the canvas begins with these tokens."""
        begins = [sequence[: len(prefix)] == tuple(prefix) for sequence in self.sequences]
        return float(self.weights[begins].sum())


def text_of(tokens: Sequence[int]) -> bytes:
    end = tokens.index(EOS) if EOS in tokens else len(tokens)
    return b"".join(PIECES[token] for token in tokens[:end])


def enumerate_canvas(
    grammar: TokenGrammar, state: int, logits: Floats, budget: int, best: Sequence[int]
) -> Canvas:
    found: list[tuple[tuple[int, ...], int, float]] = [((), state, 0.0)]
    for row in logits.astype(np.float64).tolist():
        found = [
            ((*tokens, token), after, weight + row[token])
            for tokens, at, weight in found
            for token in range(VOCABULARY.size)
            if (after := grammar.advance(at, token)) != grammar.DEAD
        ]
    left = max(budget - len(logits), 0)
    found = [entry for entry in found if grammar.min_tokens(entry[1]) <= left]
    sequences = [tokens for tokens, _, _ in found]
    weights = [weight for _, _, weight in found]
    scaled = np.exp(np.array(weights) - max(weights))
    return Canvas(sequences, scaled / scaled.sum(), tuple(best))


@cache
def values_then_dot() -> TokenGrammar:
    options = [Grammar.literal(value) for value in VALUES]
    choice = options[0]
    for option in options[1:]:
        choice = choice | option
    return (Grammar.literal(":") + choice + Grammar.literal(".")).compile(VOCABULARY)


def find_value(tokens: Sequence[int], *, values: tuple[bytes, ...] = VALUES) -> list[Field]:
    """The value between ":" and "."; whether it ended is known from the byte after it."""
    text = text_of(tokens)
    if len(text) < 2:
        return []
    end = text.find(b".")
    fields = [Field("value", 1, None if end < 0 else end, values, b"abc")]
    if end >= 0:
        fields.append(Field("whole", 0, end + 1))
    return fields


def find_free(tokens: Sequence[int]) -> list[Field]:
    return find_value(tokens, values=())


def committed(logits: Floats, size: int) -> tuple[FieldLedger, FieldLedger, list[Canvas]]:
    """Decode canvases of `size` as the decoder does, noting each; and the same by enumeration."""
    finite, free = FieldLedger(find_value, VOCABULARY), FieldLedger(find_free, VOCABULARY)
    canvases: list[Canvas] = []
    state, budget, at = 0, len(logits), 0
    while not values_then_dot().is_done(state):
        rows = np.ascontiguousarray(logits[at : at + size])
        posterior = canvas_posterior(
            [CanvasRow(torch.from_numpy(rows), values_then_dot(), state, budget, np.zeros(size))]
        )[0]
        assert isinstance(posterior, CanvasPosterior)
        best: list[int] = posterior.best.tolist()
        canvases.append(enumerate_canvas(values_then_dot(), state, rows, budget, best))
        length = best.index(EOS) if EOS in best[: posterior.length] else size
        written = posterior.best[:length]
        evidence = CanvasEvidence(
            torch.from_numpy(rows), values_then_dot(), state, budget, written, HostOps()
        )
        for ledger in (finite, free):
            ledger.add(written.tolist(), evidence)
        state, budget, at = posterior.end_state, budget - size, at + size
    return finite, free, canvases


def by_key(ledger: FieldLedger) -> dict[object, FieldProbability]:
    return {found.key: found for found in ledger.result()}


def conditionals(canvas: Canvas) -> list[float]:
    """P(token | tokens before) of the committed tokens."""
    return [canvas.mass(canvas.best[: i + 1]) / canvas.mass(canvas.best[:i]) for i in range(len(canvas.best))]


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 2.0, 20.0]))
def test_in_one_canvas_values_have_the_mass_of_all_their_spellings(seed: int, scale: float) -> None:
    logits = (np.random.default_rng(seed).normal(size=(4, VOCABULARY.size)) * scale).astype(np.float32)
    finite, _, [canvas] = committed(logits, 4)
    probabilities = by_key(finite)
    text = text_of(canvas.best)
    start = next(i for i in range(4) if len(text_of(canvas.best[: i + 1])) > 1)
    opening = canvas.best[:start]
    expected = {
        value: sum(
            p
            for sequence, p in zip(canvas.sequences, canvas.weights, strict=True)
            if sequence[:start] == opening and text_of(sequence) == b":" + value + b"."
        )
        for value in VALUES
    }
    total = sum(expected.values())
    for value, p in probabilities["value"].values:
        assert p == pytest.approx(expected[value] / total, abs=1e-6)
    assert sum(p for _, p in probabilities["value"].values) == pytest.approx(1)
    assert probabilities["value"].probability == dict(probabilities["value"].values)[text[1:-1]]
    written = canvas.best[: canvas.best.index(EOS)]
    assert probabilities["whole"].probability == pytest.approx(canvas.mass(written), rel=1e-5)


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 2.0]), st.integers(1, 3))
def test_over_several_canvases_mass_multiplies_and_alternatives_sum_to_one(
    seed: int, scale: float, size: int
) -> None:
    logits = (np.random.default_rng(seed).normal(size=(9, VOCABULARY.size)) * scale).astype(np.float32)
    finite, free, canvases = committed(logits, size)
    steps = [p for canvas in canvases for p in conditionals(canvas)]
    tokens = [token for canvas in canvases for token in canvas.best]
    tokens = tokens[: tokens.index(EOS)]
    whole = float(np.prod(steps[: len(tokens)]))
    assert by_key(finite)["whole"].probability == pytest.approx(whole, rel=1e-4)
    values = dict(by_key(finite)["value"].values)
    assert sum(values.values()) == pytest.approx(1)
    assert by_key(finite)["value"].probability == values[text_of(tokens)[1:-1]]
    # The value as it is written: its tokens, and the end that its last token brings or that comes after it.
    first = next(i for i in range(len(tokens)) if len(text_of(tokens[: i + 1])) > 1)
    last = next(i for i in range(len(tokens)) if len(text_of(tokens[: i + 1])) >= len(text_of(tokens)) - 1)
    expected = float(np.prod(steps[first : last + 1]))
    if not PIECES[tokens[last]].endswith(b"."):
        expected *= ending(canvases, last + 1, size)
    assert by_key(free)["value"].probability == pytest.approx(expected, rel=1e-4)


def ending(canvases: list[Canvas], position: int, size: int) -> float:
    """Probability that the token at a position does not go on with the value."""
    canvas = canvases[position // size]
    before = canvas.best[: position % size]
    going_on = [token for token, piece in enumerate(PIECES) if piece[0] in b"abc"]
    return 1 - sum(canvas.mass((*before, token)) for token in going_on) / canvas.mass(before)


def autoregressive(logits: Floats) -> tuple[list[int], list[TokenDistribution | None]]:
    """Choose the most likely token that is allowed, as the decoder does."""
    tokens: list[int] = []
    choices: list[TokenDistribution | None] = []
    state = 0
    while True:
        ids = np.flatnonzero(values_then_dot().allowed(state, len(logits) - len(tokens)))
        p = np.exp(logits[len(tokens), ids].astype(np.float64))
        choices.append(TokenDistribution(ids, p / p.sum()) if len(ids) > 1 else None)
        token = int(ids[p.argmax()])
        if token == EOS:
            return tokens, choices
        tokens.append(token)
        state = values_then_dot().advance(state, token)


@given(st.integers(0, 2**32), st.sampled_from([0.1, 1.0, 5.0]))
def test_single_choices_are_judged_as_canvases_of_one_token(seed: int, scale: float) -> None:
    logits = (np.random.default_rng(seed).normal(size=(9, VOCABULARY.size)) * scale).astype(np.float32)
    tokens, choices = autoregressive(logits)
    evidence = ChoiceEvidence(VOCABULARY, tokens, choices)
    finite, free, _ = committed(logits, 1)
    for ledger, reader in ((finite, find_value), (free, find_free)):
        ours = FieldLedger(reader, VOCABULARY)
        ours.add(tokens, evidence)
        for key, found in by_key(ledger).items():
            mine = by_key(ours)[key]
            assert mine.probability == pytest.approx(found.probability, rel=1e-4, abs=1e-6)
            assert dict(mine.values) == pytest.approx(dict(found.values), rel=1e-4, abs=1e-6)


def test_a_reader_that_fails_is_an_error_of_the_row() -> None:
    def broken(tokens: Sequence[int]) -> list[Field]:
        raise ZeroDivisionError

    with pytest.raises(EngineError, match="ZeroDivisionError"):
        FieldLedger(broken, VOCABULARY).add([0], ChoiceEvidence(VOCABULARY, [0], [None]))


def test_a_reader_that_contradicts_itself_is_an_error_of_the_row() -> None:
    def fickle(tokens: Sequence[int]) -> list[Field]:
        return [Field("value", 0, 1, (b"c", b"ca"))]  # while "a" is written

    with pytest.raises(EngineError, match="could not be found"):
        FieldLedger(fickle, VOCABULARY).add([0], ChoiceEvidence(VOCABULARY, [0], [None, None]))
