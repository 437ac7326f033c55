"""Steps of constrained rows over vLLM's tensors."""

from __future__ import annotations

import re
from concurrent.futures import Future

import numpy as np
import pytest
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.steps import judged
from agentfast.runtime.adapters.vllm.steps.constrained_step import ConstrainedStep
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, Phase, RowSettings
from agentfast.runtime.grammar import TokenGrammar
from agentfast.runtime.posterior import exact
from agentfast.runtime.posterior.base import CanvasRow, LogitsOps
from agentfast.runtime.posterior.constrained import constrained_posterior
from tests.unit.runtime.adapters.vllm.steps.rows_harness import (
    CANVAS,
    GENERATION,
    HIDDEN,
    Slots,
    compiled,
    grammar,
    logits_of,
    row,
    vocabulary,
)


def run(slots: Slots, used: list[int], steps: int = 60) -> None:
    for seed in range(steps):
        slots.take(used, logits_of(len(used), seed))


def test_rows_of_different_grammars_end_valid_in_one_batch() -> None:
    slots = Slots()
    patterns = {0: "[a-z]{20}", 1: "(yes|no)", 3: "[0-9]{3}(-[0-9]{2})*"}
    for slot, pattern in patterns.items():
        slots.rows.add(str(slot), slot, row(pattern, 24, seed=slot))
    run(slots, [3, 2, 0, 1])
    for slot, pattern in patterns.items():
        assert re.fullmatch(pattern, slots.text(slot))
    assert 2 not in slots.emitted


def test_a_step_writes_the_canvas_its_copy_the_best_one_and_the_phase() -> None:
    slots = Slots()
    made = row()
    slots.rows.add("a", 2, made)
    slots.take([2], logits_of(1))
    tensors = slots.tensors
    assert torch.equal(tensors.canvas[2], tensors.draft_tokens[2])
    settled = tensors.argmax_canvas[2].to(torch.uint8).numpy().tobytes()
    assert re.fullmatch("[a-z]{8}", settled.decode())
    assert not tensors.is_encoder_phase[2]
    assert (tensors.self_conditioning[2] != 1).any()
    while made.phase is Phase.DENOISING:
        slots.take([2], logits_of(1))
    assert tensors.is_encoder_phase[2]
    assert torch.equal(tensors.canvas[2], tensors.argmax_canvas[2])
    assert not tensors.self_conditioning[2].any()
    assert (tensors.self_conditioning[[0, 1, 3]] == 1).all()  # other slots are untouched


def test_a_prompt_that_is_still_read_keeps_its_phase_and_gets_the_seeds_canvas() -> None:
    slots = Slots()
    made = row()
    slots.rows.add("a", 1, made)
    slots.tensors.is_encoder_phase[1] = True
    slots.take([1], logits_of(1)[:0], [0])
    assert slots.tensors.is_encoder_phase[1]
    assert np.array_equal(slots.tensors.canvas[1].numpy(), row().fresh_canvas(CANVAS))
    assert made.phase is Phase.DENOISING
    assert made.step == 0


def test_a_waiting_row_begins_its_canvas_anew_each_time() -> None:
    slots = Slots()
    coming: Future[TokenGrammar] = Future()
    waiting = ConstrainedRow(coming, RowSettings(1), 40, vocabulary().size)
    slots.rows.add("waiting", 0, waiting)
    slots.rows.add("ready", 1, row("(yes|no)"))
    slots.tensors.is_encoder_phase[0] = True  # as vLLM's own step may say
    run(slots, [0, 1], 20)
    assert slots.text(1) in ("yes", "no")
    assert 0 not in slots.emitted
    assert not slots.tensors.is_encoder_phase[0]
    coming.set_result(grammar("[a-z]{20}"))
    run(slots, [0, 1])
    assert re.fullmatch("[a-z]{20}", slots.text(0))


def test_broken_logits_fail_their_row_alone() -> None:
    slots = Slots()
    for slot in (0, 1):
        slots.rows.add(str(slot), slot, row(seed=slot))
    logits = logits_of(2)
    logits[3, 7] = torch.nan
    step = slots.take([0, 1], logits)
    assert step.failures == [0]
    run(slots, [0, 1])
    assert re.fullmatch("[a-z]{20}", slots.text(1))


def test_a_bug_that_one_row_meets_fails_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(canvas: CanvasRow, used: TokenGrammar, ops: LogitsOps) -> object:
        if used is grammar("(yes|no)"):
            raise RuntimeError("a bug")
        return constrained_posterior(canvas, used, ops)

    monkeypatch.setattr(exact, "constrained_posterior", broken)
    slots = Slots()
    bad = row("(yes|no)")
    slots.rows.add("bad", 0, bad)
    slots.rows.add("good", 1, row())
    run(slots, [0, 1])
    assert bad.phase is Phase.FAILED
    assert bad.error == "a bug"
    assert re.fullmatch("[a-z]{20}", slots.text(1))


def test_a_bug_before_the_posterior_fails_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: torch.Tensor, used: TokenGrammar, __: int) -> None:
        if used is grammar("(yes|no)"):
            raise RuntimeError("a bug")

    monkeypatch.setattr(judged, "restrict_first_token", broken)
    slots = Slots()
    bad = row("(yes|no)")
    slots.rows.add("bad", 0, bad)
    slots.rows.add("good", 1, row())
    run(slots, [0, 1])
    assert (bad.phase, bad.error) == (Phase.FAILED, "a bug")
    assert re.fullmatch("[a-z]{20}", slots.text(1))


def test_a_lack_of_memory_for_one_rows_marginals_fails_it_alone() -> None:
    slots = Slots()
    bad, good = row(seed=1), row(seed=2)
    slots.rows.add("bad", 0, bad)
    slots.rows.add("good", 1, good)
    calls: list[int] = []

    def soft(marginals: torch.Tensor) -> torch.Tensor:
        calls.append(len(marginals))
        if len(calls) == 1:
            raise MemoryError("no room")
        return torch.zeros(len(marginals), HIDDEN)

    slots.step = ConstrainedStep(slots.rows, GENERATION, CANVAS, soft, HIDDEN, slots.agreement)
    assert slots.take([0, 1], logits_of(2)).failures == [0]
    run(slots, [0, 1])
    assert bad.error == "no room"
    assert re.fullmatch("[a-z]{20}", slots.text(1))


def test_a_row_without_a_grammar_fails_in_the_first_pass_that_has_its_positions() -> None:
    slots = Slots()
    made = ConstrainedRow(compiled(GrammarError("none")), RowSettings(1), 40, vocabulary().size)
    slots.rows.add("a", 0, made)
    assert slots.take([0], logits_of(1)[:0], [0]).failures == []
    assert slots.take([0], logits_of(1)).failures == [0]


@pytest.mark.parametrize("counts", [(5, 8), (8, 5), (5, 5)])
def test_canvases_cut_near_the_contexts_end_are_committed_as_far_as_they_were_judged(
    counts: tuple[int, int],
) -> None:
    judged, committed = counts
    slots = Slots()
    made = row("[a-z]{20}", 22)
    slots.rows.add("a", 0, made)
    for seed in range(60):
        count = committed if made.phase is Phase.SETTLED else judged
        step = slots.take([0], logits_of(1, seed)[:count], [count])
        for emission in step.emissions.values():
            assert emission.count == min(counts)
    assert re.fullmatch("[a-z]{20}", slots.text(0))


def test_log_probabilities_are_those_of_the_tokens_up_to_the_end() -> None:
    slots = Slots()
    slots.rows.add("a", 0, row("a[bc]a", wants_log_p=True))
    found: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    for _ in range(10):
        for emission in slots.take([0], logits_of(1)).emissions.values():
            assert emission.log_p is not None
            found.append(emission.log_p)
    (log_p,) = found
    either = logits_of(1)[1, [98, 99]].double().log_softmax(0)
    assert log_p == pytest.approx([0.0, either.max().item(), 0.0, 0.0], abs=1e-6)


def test_logits_are_left_as_they_were() -> None:
    slots = Slots()
    slots.rows.add("a", 0, row())
    logits = logits_of(1)
    slots.take([0], logits)
    assert torch.equal(logits, logits_of(1))
