"""A constrained row's bookkeeping: waiting, commits, preemptions, failures."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.steps.proposal import Proposal
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, Phase, RowSettings
from agentfast.runtime.adapters.vllm.steps.row_table import RowTable
from agentfast.runtime.grammar import TokenGrammar
from agentfast.runtime.posterior.base import CanvasPosterior
from tests.unit.runtime.adapters.vllm.steps.rows_harness import (
    CANVAS,
    GENERATION,
    compiled,
    grammar,
    row,
    vocabulary,
)


def posterior(text: str, entropy: float = 0.0) -> CanvasPosterior:
    """One whose best canvas is a text, from the start of [a-z]{20}."""
    tokens = np.frombuffer(text.encode(), np.uint8).astype(np.int64)
    state = grammar("[a-z]{20}").start
    for token in tokens.tolist():
        state = grammar("[a-z]{20}").advance(state, token)
    return CanvasPosterior(tokens, tokens, np.full(len(tokens), entropy, np.float32), len(tokens), state)


def settle(made: ConstrainedRow, text: str = "abcdefgh") -> None:
    while made.phase is Phase.DENOISING:
        made.take(made.propose(posterior(text), GENERATION))


def test_a_row_waits_until_its_grammar_is_compiled() -> None:
    coming: Future[TokenGrammar] = Future()
    made = ConstrainedRow(coming, RowSettings(1), 40, vocabulary().size)
    assert made.phase is Phase.WAITING
    assert not made.is_compiled
    coming.set_result(grammar("[a-z]{20}"))
    assert made.is_compiled
    made.begin()
    assert made.phase is Phase.DENOISING


def test_a_grammar_that_cannot_be_made_fails_its_row() -> None:
    made = ConstrainedRow(compiled(GrammarError("too many states")), RowSettings(1), 40, vocabulary().size)
    assert made.has_no_grammar
    made.begin()
    assert made.phase is Phase.FAILED
    assert made.error == "too many states"


def test_a_budget_below_the_least_fails_the_row() -> None:
    made = row("[a-z]{20}", budget=20)
    made.begin()
    assert made.phase is Phase.FAILED
    assert "21 tokens" in made.error


def test_a_canvas_settles_once_it_is_stable_and_sure() -> None:
    made = row()
    made.begin()
    phases: list[Phase] = []
    for _ in range(2):
        made.take(made.propose(posterior("abcdefgh"), GENERATION))
        phases.append(made.phase)
    assert phases == [Phase.DENOISING, Phase.SETTLED]


def test_a_canvas_that_stays_unsure_settles_at_the_last_step() -> None:
    made = row(max_steps=3)
    made.begin()
    phases: list[Phase] = []
    for _ in range(3):
        made.take(made.propose(posterior("abcdefgh", entropy=1.0), GENERATION))
        phases.append(made.phase)
    assert phases == [Phase.DENOISING, Phase.DENOISING, Phase.SETTLED]


@pytest.mark.parametrize("count", [CANVAS, 5])
def test_a_commit_of_a_whole_canvas_or_of_a_part_leaves_the_state_after_it(count: int) -> None:
    made = row()
    made.begin()
    settle(made)
    made.commit(count)
    fresh = row(emitted="abcdefgh"[:count])
    fresh.begin()
    assert (made.state, made.budget, made.generated) == (fresh.state, 40 - count, count)
    assert made.phase is Phase.DENOISING
    assert made.step == 0


def test_a_preempted_row_comes_back_in_the_state_after_what_it_emitted() -> None:
    made = row(emitted="abcdefghijklmnopqrs")
    made.begin()
    assert made.grammar.min_tokens(made.state) == 2
    assert made.budget == 21


def test_tokens_that_the_grammar_does_not_allow_fail_a_row_that_comes_back() -> None:
    made = row(emitted="ABC")
    made.begin()
    assert made.phase is Phase.FAILED


def test_a_row_that_comes_back_after_its_end_has_ended() -> None:
    made = ConstrainedRow(
        compiled(grammar("ab")), RowSettings(1), 40, vocabulary().size, [*b"ab", *vocabulary().eos_ids]
    )
    made.begin()
    assert made.phase is Phase.ENDED


def test_a_canvas_begins_with_the_same_noise_before_and_after_a_preemption() -> None:
    made = row()
    made.begin()
    settle(made)
    made.commit(CANVAS)
    expected = made.fresh_canvas(CANVAS)
    assert np.array_equal(made.fresh_canvas(CANVAS), expected)
    assert np.array_equal(row(emitted="abcdefgh").fresh_canvas(CANVAS), expected)
    assert not np.array_equal(row(emitted="abcdefgh", seed=2).fresh_canvas(CANVAS), expected)
    assert not np.array_equal(row().fresh_canvas(CANVAS), expected)


def test_at_temperature_zero_nothing_is_drawn_and_the_schedule_stands() -> None:
    cold, warm = row(temperature=0.0), row(temperature=2.0)
    assert cold.uniforms(CANVAS) is None
    assert warm.uniforms(CANVAS) is not None
    assert cold.temperature(GENERATION) == GENERATION.temperature_at(4)
    assert warm.temperature(GENERATION) == 2 * GENERATION.temperature_at(4)


def test_a_proposal_survives_as_numbers() -> None:
    proposal = Proposal(np.arange(CANVAS), np.arange(CANVAS) + 1, 5, 77, settles=True)
    again = Proposal.unpacked(proposal.packed())
    assert np.array_equal(again.tokens, proposal.tokens)
    assert np.array_equal(again.best, proposal.best)
    assert (again.length, again.end_state, again.settles) == (5, 77, True)


def test_the_table_forgets_a_row_whose_slot_is_given_to_another() -> None:
    table = RowTable()
    first, second = row(), row()
    table.add("a", 3, first)
    table.add("b", 3, second)
    table.remove("a")
    assert table.get(3) is second
    table.add("c", 3, None)
    assert table.get(3) is None
    table.remove("b")
    table.remove("unknown")
    assert len(table) == 0
