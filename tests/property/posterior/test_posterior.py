"""The canvas posterior against enumeration of every token sequence of small vocabularies."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import BudgetTooSmallError, GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior as CanvasPosterior
from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.exact import canvas_posterior
from agentfast.runtime.posterior.host_ops import HostOps
from tests.support.enumeration import (
    Floats,
    agrees_with_enumeration,
    enumerate_canvas,
    random_logits,
    samples_follow,
    solve,
    solved,
)
from tests.support.token_splits import vocabulary_of


def grammars() -> st.SearchStrategy[Grammar]:
    leaves = st.sampled_from(["a", "b", "ab", ""]).map(Grammar.literal)
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: pair[0] + pair[1]),
            st.tuples(inner, inner).map(lambda pair: pair[0] | pair[1]),
            inner.map(lambda grammar: grammar.repeat(0, 2)),
            inner.map(lambda grammar: grammar.repeat(1)),
        ),
        max_leaves=6,
    )


def letters(*more: bytes) -> Vocabulary:
    """The tokens a and b, `more`, <eos> and an id that stands for nothing."""
    return vocabulary_of([b"a", b"b", *more], unused=1)


@st.composite
def problems(draw: st.DrawFn) -> tuple[TokenGrammar, Floats, int]:
    """A grammar, [C, V] logits of any scale with some of them -inf, and a budget around the canvas."""
    extra = draw(st.lists(st.sampled_from([b"ab", b"ba", b"aa", b"bab"]), unique=True, max_size=2))
    grammar = draw(grammars()).compile(letters(*extra))
    canvas = draw(st.integers(1, 4))
    logits = draw(random_logits(canvas, grammar.vocabulary.size))
    return grammar, logits, grammar.min_tokens(0) + draw(st.integers(0, 4))


@given(problems())
def test_everything_agrees_with_enumeration(problem: tuple[TokenGrammar, Floats, int]) -> None:
    grammar, logits, budget = problem
    agrees_with_enumeration(grammar, logits, budget)


@given(problems())
def test_best_says_where_it_ends(problem: tuple[TokenGrammar, Floats, int]) -> None:
    grammar, logits, budget = problem
    result = solve(grammar, logits, budget)
    if isinstance(result, GrammarError):
        return
    states = [0]
    for token in result.best.tolist():
        states.append(grammar.advance(states[-1], token))
    assert states[-1] == result.end_state
    done = [i for i, state in enumerate(states) if grammar.is_done(state)]
    assert result.length == (done[0] if done else len(logits))
    assert grammar.min_tokens(result.end_state) <= max(budget - len(logits), 0)


@given(problems())
def test_without_uniforms_the_best_takes_the_place_of_a_sample(
    problem: tuple[TokenGrammar, Floats, int],
) -> None:
    grammar, logits, budget = problem
    drawn = solve(grammar, logits, budget)
    if isinstance(drawn, GrammarError):
        return
    [result] = canvas_posterior([CanvasRow(torch.from_numpy(logits), grammar, 0, budget, None)])
    assert isinstance(result, CanvasPosterior)
    assert result.sample.tolist() == result.best.tolist() == drawn.best.tolist()
    assert result.entropy.tolist() == drawn.entropy.tolist()
    assert result.log_z == drawn.log_z


@given(problems(), st.integers(0, 2**32))
def test_canvases_in_a_row_always_complete_within_the_budget(
    problem: tuple[TokenGrammar, Floats, int], seed: int
) -> None:
    grammar, first, budget = problem
    random = np.random.default_rng(seed)
    state, left = grammar.start, budget
    while not grammar.is_done(state):
        logits = random.normal(size=first.shape).astype(np.float32)
        result = solved(grammar, logits, left, random.random(len(first)), state)
        for token in result.sample.tolist()[:left]:
            state = grammar.advance(state, token)
        left -= len(first)
        assert left > 0 or grammar.is_done(state)


@cache
def star() -> TokenGrammar:
    return (Grammar.literal("a") | Grammar.literal("ab")).repeat(1, 3).compile(letters(b"ab", b"ba"))


def test_the_sample_follows_the_joint_distribution() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(size=(3, star().vocabulary.size)).astype(np.float32)
    samples_follow(enumerate_canvas(star(), 0, logits, 4), star(), logits, 4, random)


def test_a_grid_of_uniforms_reproduces_the_first_marginal_exactly() -> None:
    logits = np.random.default_rng(4).normal(size=(3, star().vocabulary.size)).astype(np.float32)
    marginal = enumerate_canvas(star(), 0, logits, 5).marginals(star().vocabulary.size)[0]
    steps = 500
    counts = np.zeros_like(marginal)
    for k in range(steps):
        counts[solved(star(), logits, 5, np.array([(k + 0.5) / steps, 0.5, 0.5])).sample[0]] += 1
    # Each outcome is one interval, or a few: the grid misses at most one step at each of their ends.
    np.testing.assert_allclose(counts / steps, marginal, atol=4 / steps)


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1 - 2**-53])
def test_extreme_uniforms_give_allowed_samples(uniform: float) -> None:
    logits = np.random.default_rng(5).normal(size=(4, star().vocabulary.size)).astype(np.float32) * 30
    sample = solved(star(), logits, 4, np.full(4, uniform)).sample
    state = star().start
    for token in sample.tolist():
        state = star().advance(state, token)
    assert star().is_done(state)


def test_a_forced_structure_has_no_entropy() -> None:
    grammar = Grammar.literal("abba").compile(letters())
    result = solved(grammar, np.zeros((5, 4), np.float32), 5)
    assert result.best.tolist() == [0, 1, 1, 0, 2]
    assert result.entropy.tolist() == [0.0] * 5
    assert result.length == 5


def test_after_the_end_every_token_is_free() -> None:
    grammar = Grammar.literal("a").compile(letters())
    logits = np.random.default_rng(6).normal(size=(4, 4)).astype(np.float32)
    result = solved(grammar, logits, 2)
    assert result.length == 2
    assert result.best[2:].tolist() == logits[2:].argmax(axis=1).tolist()
    softmax = torch.softmax(torch.from_numpy(logits[2:]), dim=1)
    torch.testing.assert_close(result.marginals(torch.from_numpy(logits))[2:], softmax)


def test_one_bad_row_does_not_touch_the_others() -> None:
    good = np.zeros((3, star().vocabulary.size), np.float32)
    nan, empty, impossible = good.copy(), good.copy(), good.copy()
    nan[1, 2] = np.nan
    empty[2] = -np.inf
    impossible[:, star().vocabulary.special["<eos>"]] = -np.inf
    drawn = np.full(3, 0.5)

    def row(logits: Floats, state: int = 0, budget: int = 3) -> CanvasRow:
        return CanvasRow(torch.from_numpy(logits), star(), state, budget, drawn)

    rows = [
        row(good),
        row(nan),
        row(empty),
        row(impossible),
        row(good, -1),
        row(good, budget=1),
        row(good[:, :2]),
    ]
    results = canvas_posterior([*rows, row(good)])
    assert [isinstance(result, GrammarError) for result in results] == [False] + [True] * 6 + [False]
    refused = results[5]
    assert isinstance(refused, BudgetTooSmallError)
    assert (refused.needed, refused.budget) == (2, 1)
    first, last = results[0], results[-1]
    assert isinstance(first, CanvasPosterior)
    assert isinstance(last, CanvasPosterior)
    assert first.log_z == last.log_z


def test_weights_far_apart_keep_their_order() -> None:
    """Linear arithmetic would lose the allowed tokens entirely: they weigh e^-20000 of the forbidden one."""
    grammar = (Grammar.literal("ab") | Grammar.literal("aa")).compile(letters())
    logits = np.full((3, 4), -20000.0, np.float32)
    logits[:, 3] = 0.0
    logits[1, 1] = -19999.0
    result = solved(grammar, logits, 3)
    assert result.best.tolist() == [0, 1, 2]
    assert result.log_z == pytest.approx(-60000 + np.log(1 + np.e), abs=1e-6)
    marginals = result.marginals(torch.from_numpy(logits))
    assert float(marginals[1, 1]) == pytest.approx(np.e / (1 + np.e), rel=1e-3)


def test_an_impossible_way_does_not_hide_one_that_is_far_less_likely_than_the_rest() -> None:
    """The shorter text has no weight, the longer one e^-4000 beside what the grammar does not allow."""
    grammar = (Grammar.literal("a") | Grammar.literal("ab")).compile(letters())
    logits = np.zeros((3, 4), np.float32)
    logits[1, 2], logits[2, 2] = -np.inf, -4000.0
    result = solved(grammar, logits, 3)
    assert result.best.tolist() == [0, 1, 2]
    assert result.log_z == pytest.approx(-4000)


@given(st.integers(0, 2**32), st.sampled_from([1.0, 10.0, 300.0]), st.sampled_from([1.0, 0.4]))
def test_the_torch_reduction_agrees_with_the_compiled_one(
    seed: int, scale: float, temperature: float
) -> None:
    random = np.random.default_rng(seed)
    grammar = compile_schema({"type": "object", "properties": {"a": {"type": "string"}}}).compile(
        Vocabulary.byte_level()
    )
    values = (random.normal(size=(5, 257)) * scale).astype(np.float32)
    values[random.random(values.shape) < 0.3] = -np.inf
    logits = torch.from_numpy(values)
    compiled = HostOps().reduce(logits, grammar.classes, temperature=temperature)
    portable = DeviceOps(torch.device("cpu")).reduce(logits, grammar.classes, temperature=temperature)
    np.testing.assert_allclose(portable.mass, compiled.mass, rtol=1e-5)
    np.testing.assert_allclose(portable.mean, compiled.mean, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(portable.top, compiled.top, rtol=1e-6)
    chosen = compiled.top.argmax(axis=1).astype(np.int32)
    np.testing.assert_array_equal(portable.first_tokens(chosen), compiled.first_tokens(chosen))
    left = random.random(5)
    picked = compiled.draw(chosen, left)
    np.testing.assert_array_equal(portable.draw(chosen, left), picked)
    assert grammar.classes.token_class[picked].tolist() == chosen.tolist()
