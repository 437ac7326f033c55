"""The first position of a turn decides between a special token and text."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.decoding.first_token import restrict_first_token
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior as CanvasPosterior
from agentfast.runtime.posterior.exact import canvas_posterior

VOCABULARY = Vocabulary.byte_level(special=("<eos>", "<call>", "<other>"))
CALL, EOS = VOCABULARY.special["<call>"], VOCABULARY.special["<eos>"]


@cache
def either() -> TokenGrammar:
    return (Grammar.text() | (Grammar.special("<call>") + Grammar.literal("run(1)"))).compile(VOCABULARY)


def noise(call: float) -> Tensor:
    """[8, V] logits of noise, but for the first position, which holds a call with probability `call`."""
    logits = 3 * torch.randn(8, VOCABULARY.size, generator=torch.Generator().manual_seed(1))
    logits[0] = 0.0
    logits[0, CALL] = np.log(call / (1 - call) * (VOCABULARY.size - 1))
    return logits


def best(logits: Tensor, grammar: TokenGrammar, budget: int = 20) -> CanvasPosterior:
    [posterior] = canvas_posterior([CanvasRow(logits, grammar, grammar.start, budget, np.full(8, 0.5))])
    assert isinstance(posterior, CanvasPosterior)
    return posterior


def settled(logits: Tensor, grammar: TokenGrammar) -> CanvasPosterior:
    """The posterior by the opening; the edges that it leaves out change nothing but the work."""
    first = restrict_first_token(logits, grammar, 20)
    row = CanvasRow(logits, grammar, grammar.start, 20, np.full(8, 0.5), first=first)
    [posterior] = canvas_posterior([row])
    assert isinstance(posterior, CanvasPosterior)
    whole = best(logits, grammar)
    assert posterior.log_z == pytest.approx(whole.log_z)
    assert posterior.best.tolist() == whole.best.tolist()
    assert posterior.sample.tolist() == whole.sample.tolist()
    np.testing.assert_allclose(posterior.entropy, whole.entropy, atol=1e-6)
    return posterior


def test_over_noise_the_posterior_alone_prefers_text_to_a_likely_call() -> None:
    assert best(noise(0.9), either()).best[0] != CALL


@pytest.mark.parametrize(("call", "opens"), [(0.9, True), (0.6, True), (0.4, False), (0.01, False)])
def test_the_first_position_decides(call: float, opens: bool) -> None:
    posterior = settled(noise(call), either())
    assert bool(posterior.best[0] == CALL) is opens
    assert bool(posterior.sample[0] == CALL) is opens
    if opens:
        assert posterior.entropy[: posterior.length].max() < 1e-5


def test_later_positions_are_left_alone() -> None:
    logits = torch.randn(8, VOCABULARY.size)
    before = logits.clone()
    assert restrict_first_token(logits, either(), 20) is not None
    assert torch.equal(logits[1:], before[1:])
    kept = logits[0] > -torch.inf
    assert 0 < kept.sum() < len(kept)
    assert torch.equal(logits[0, kept], before[0, kept])


def test_a_call_that_does_not_fit_the_budget_is_no_option() -> None:
    logits = noise(0.9)
    assert restrict_first_token(logits, either(), 7) is None
    assert torch.equal(logits, noise(0.9))
    assert best(logits, either(), 7).best[0] != CALL


@pytest.mark.parametrize(
    "grammar",
    [
        Grammar.text(),
        Grammar.literal("yes") | Grammar.literal("no"),
        Grammar.special("<call>") | Grammar.special("<other>"),
    ],
)
def test_without_a_choice_between_the_two_nothing_is_decided(grammar: Grammar) -> None:
    logits = noise(0.9)
    assert restrict_first_token(logits, grammar.compile(VOCABULARY), 20) is None
    assert torch.equal(logits, noise(0.9))


def test_a_turn_without_a_word_is_no_easy_way_out() -> None:
    logits = noise(0.3)
    assert best(logits, either()).length == 1
    assert settled(logits, either()).length > 1
    logits = noise(0.3)
    logits[0, EOS] = 20.0
    assert settled(logits, either()).length == 1


def test_an_end_that_the_grammar_does_not_allow_is_no_option() -> None:
    grammar = (Grammar.literal("yes") | Grammar.special("<call>")).compile(VOCABULARY)
    logits = noise(0.3)
    logits[0, EOS] = 20.0
    assert settled(logits, grammar).best[0] == ord("y")
