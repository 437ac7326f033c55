"""vLLM's real sampler on CPU tensors, with the constrained rows of the plugin beside free ones.

Slow, and skipped where vLLM is not installed; `tests/vllm/run.sh` runs it on all versions that are supported.
"""

from __future__ import annotations

import importlib
import json
from concurrent.futures import Future
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch

from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from agentfast.runtime.adapters.vllm.steps.constrained_step import ConstrainedStep
from agentfast.runtime.adapters.vllm.steps.effects import Emission
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, Phase, RowSettings
from agentfast.runtime.grammar import TokenGrammar
from tests.property.vllm.drawn_texts import grammars

pytest.importorskip("vllm")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

from tests.vllm.sampler_harness import CANVAS, batch, emitted, made_sampler  # noqa: E402

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 99999},
        "status": {"enum": ["shipped", "lost"]},
        "note": {"type": "string", "maxLength": 20},
    },
    "required": ["id", "status", "note"],
    "additionalProperties": False,
}
SIZE = grammars().tokenizer.vocabulary.size


def grammar() -> TokenGrammar:
    return grammars().compile(Constraint({"json": SCHEMA}, thinking=False))


def compiled(made: TokenGrammar) -> Future[TokenGrammar]:
    future: Future[TokenGrammar] = Future()
    future.set_result(made)
    return future


def row(budget: int = 90, seed: int = 1, **settings: Any) -> ConstrainedRow:
    return ConstrainedRow(compiled(grammar()), RowSettings(seed, **settings), budget, SIZE)


def denoising(states: Any, slots: list[int]) -> None:
    """Slots whose prompts are read."""
    for slot in slots:
        states.add_request(slot)
        states.is_encoder_phase[slot] = False


def generate(
    rows: dict[int, ConstrainedRow], slots: list[int], steps: int = 300, seed: int = 0
) -> dict[int, list[int]]:
    """Tokens of each slot, from random logits, until all constrained rows have ended."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    sampler, states = made_sampler(SIZE)
    denoising(states, slots)
    for slot, made in rows.items():
        sampler.rows.add(str(slot), slot, made)
    found: dict[int, list[int]] = {slot: [] for slot in slots}
    for _ in range(steps):
        logits = torch.randn(len(slots) * CANVAS, SIZE, generator=generator) * 3
        output = sampler(logits, batch(slots, [CANVAS] * len(slots)))
        for index, slot in enumerate(slots):
            found[slot] += emitted(output, index)
        if rows and all(made.phase in (Phase.ENDED, Phase.FAILED) for made in rows.values()):
            return found
    return found


def end_of(tokens: list[int]) -> int:
    """Where the end token is; vLLM drops what comes after it."""
    ends = grammars().tokenizer.vocabulary.eos_ids
    return next(index for index, token in enumerate(tokens) if token in ends)


def text_of(tokens: list[int]) -> str:
    vocabulary = grammars().tokenizer.vocabulary
    special = {index: name for name, index in vocabulary.special.items()}
    text = b"".join(
        vocabulary.tokens[token] or special[token].encode() for token in tokens[: end_of(tokens)]
    ).decode()
    return text.removeprefix("<|channel>thought\n<channel|>")


def test_constrained_rows_beside_free_ones_are_valid_and_in_their_budget() -> None:
    rows = {2: row(90, 2), 3: row(grammars().least_tokens(grammar()), 3), 5: row(60, 5)}
    found = generate(rows, [2, 0, 3, 5, 1])
    for slot in rows:
        jsonschema.validate(json.loads(text_of(found[slot])), SCHEMA)
    assert len(found[0]) >= CANVAS
    assert len(found[1]) >= CANVAS


def test_free_rows_take_the_steps_that_they_take_without_the_plugin() -> None:
    found: list[list[int]] = []
    for plain in (True, False):
        torch.manual_seed(3)
        sampler, states = made_sampler(SIZE, plain=plain)
        denoising(states, [4, 1, 2])
        if not plain:
            sampler.rows.add("constrained", 2, row())
        tokens: list[int] = []
        generator = torch.Generator().manual_seed(5)
        for _ in range(40):
            logits = torch.randn(3 * CANVAS, SIZE, generator=generator) * 3
            output = sampler(logits, batch([4, 1, 2], [CANVAS] * 3))
            tokens += [
                *emitted(output, 0),
                -1,
                *emitted(output, 1),
                -1,
                *states.canvas[[4, 1]].flatten().tolist(),
            ]
        found.append(tokens)
    assert found[0] == found[1]


def canvases(seed: int, beside: list[int], **settings: Any) -> list[list[int]]:
    """The canvas of slot 2 after each of some steps, with other rows in the batch."""
    torch.manual_seed(len(beside))
    sampler, states = made_sampler(SIZE)
    slots = [*beside, 2]
    denoising(states, slots)
    sampler.rows.add("row", 2, row(90, seed, **settings))
    for slot in beside:
        sampler.rows.add(str(slot), slot, row(90, slot))
    generator = torch.Generator().manual_seed(0)
    found: list[list[int]] = []
    for _ in range(20):
        own = torch.randn(CANVAS, SIZE, generator=generator) * 3
        logits = torch.cat([torch.randn(len(beside) * CANVAS, SIZE), own])
        sampler(logits, batch(slots, [CANVAS] * len(slots)))
        found.append(states.canvas[2].tolist())
    return found


def test_a_seed_gives_the_same_canvases_whatever_is_beside_them() -> None:
    alone = canvases(11, [])
    assert canvases(11, [4, 0]) == alone
    assert canvases(12, []) != alone


def test_at_temperature_zero_what_is_accepted_is_the_likeliest() -> None:
    sampler, states = made_sampler(SIZE)
    denoising(states, [0])
    sampler.rows.add("row", 0, row(90, 1, temperature=0.0))
    sampler(torch.randn(CANVAS, SIZE), batch([0], [CANVAS]))
    kept = states.canvas[0] == states.argmax_canvas[0]
    assert kept.any()
    sampler, other = made_sampler(SIZE)
    denoising(other, [0])
    assert not torch.equal(states.canvas[0], other.canvas[0])


def test_broken_logits_of_one_row_end_that_row_alone() -> None:
    sampler, states = made_sampler(SIZE)
    good, bad = row(60, 1), row(60, 2)
    denoising(states, [0, 1, 2])
    sampler.rows.add("good", 0, good)
    sampler.rows.add("bad", 1, bad)
    found: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for step in range(60):
        logits = torch.randn(3 * CANVAS, SIZE) * 3
        if step == 2:
            logits[CANVAS + 3, 5] = torch.nan
        output = sampler(logits, batch([0, 1, 2], [CANVAS] * 3))
        for slot in found:
            found[slot] += emitted(output, slot)
    assert bad.phase is Phase.FAILED
    assert "NaN" in bad.error
    assert set(found[1]) == {0}  # the failure token, until the request is taken away
    jsonschema.validate(json.loads(text_of(found[0])), SCHEMA)
    assert found[2]


def test_a_row_waits_for_its_grammar_and_no_other_row_does() -> None:
    sampler, states = made_sampler(SIZE)
    denoising(states, [0, 1])
    coming: Future[TokenGrammar] = Future()
    waiting = ConstrainedRow(coming, RowSettings(1), 60, SIZE)
    sampler.rows.add("waiting", 0, waiting)
    sampler.rows.add("ready", 1, row(60, 2))
    found: dict[int, list[int]] = {0: [], 1: []}
    for step in range(80):
        if step == 30:
            assert not found[0]
            assert grammars().tokenizer.vocabulary.eos_ids & set(found[1])
            coming.set_result(grammar())
        output = sampler(torch.randn(2 * CANVAS, SIZE) * 3, batch([0, 1], [CANVAS] * 2))
        for slot in found:
            found[slot] += emitted(output, slot)
    jsonschema.validate(json.loads(text_of(found[0])), SCHEMA)


@pytest.mark.parametrize("commits", [CANVAS // 2, CANVAS])
@pytest.mark.parametrize("denoises", [CANVAS // 2, CANVAS])
def test_canvases_that_are_committed_at_another_length_than_they_were_judged_stay_valid(
    denoises: int, commits: int
) -> None:
    sampler, states = made_sampler(SIZE)
    denoising(states, [0])
    made = row(60, 4)
    sampler.rows.add("row", 0, made)
    tokens: list[int] = []
    for _ in range(200):
        count = commits if made.phase is Phase.SETTLED else denoises
        output = sampler(torch.randn(count, SIZE) * 3, batch([0], [count]))
        assert int(output.num_rejected[0]) in (count, count - int(output.num_sampled[0]))
        tokens += emitted(output, 0)
        if made.phase is Phase.ENDED:
            break
    jsonschema.validate(json.loads(text_of(tokens)), SCHEMA)
    assert end_of(tokens) < 60


def test_a_step_leaves_the_logits_as_they_were() -> None:
    sampler, states = made_sampler(SIZE)
    denoising(states, [0])
    tools = Constraint(
        {
            "tools": [{"name": "f", "description": "", "parameters": SCHEMA}],
            "tool_choice": "auto",
            "max_calls": 2,
            "answer": None,
        }
    )
    made = ConstrainedRow(compiled(grammars().compile(tools)), RowSettings(1), 200, SIZE)
    sampler.rows.add("row", 0, made)
    logits = torch.randn(CANVAS, SIZE) * 3
    before = logits.clone()
    places = sampler._constrained.places([0], [0, CANVAS])
    assert isinstance(sampler._constrained, ConstrainedStep)
    sampler._constrained.take(places, logits)
    assert torch.equal(logits, before)
    assert made.step == 1


def test_a_request_that_comes_back_after_a_preemption_goes_on_in_its_state() -> None:
    first = generate({2: row(90, 21)}, [2])[2]
    made = grammar()
    emitted_before = first[:CANVAS]
    back = ConstrainedRow(compiled(made), RowSettings(21), 90, SIZE, emitted_before)
    rest = generate({1: back}, [1])[1]
    jsonschema.validate(json.loads(text_of(emitted_before + rest)), SCHEMA)
    assert end_of(emitted_before + rest) < 90


def test_log_probabilities_stand_at_their_rows_beside_vllms_own() -> None:
    outputs = importlib.import_module("vllm.v1.outputs")
    made = importlib.import_module("agentfast.runtime.adapters.vllm.emitted_probabilities")
    ids, log_p = torch.arange(10).view(5, 2), -torch.arange(10.0).view(5, 2)
    theirs = outputs.LogprobsTensors(ids, log_p, torch.ones(5, dtype=torch.int64), [0, 0, 3, 3])
    written = Emission(3, np.array([7, 8, 9, 9]), np.array([-0.5, -0.25]))
    asks, quiet = {1: written}, {1: Emission(3, written.tokens, None)}
    device = torch.device("cpu")
    assert made.with_probabilities(theirs, quiet, 4, device) is theirs
    assert made.with_probabilities(None, quiet, 4, device) is None
    alone = made.with_probabilities(None, asks, 4, device).tolists()
    assert alone.slice_request(1, 3).logprobs[:, 0].tolist() == [-0.5, -0.25, 0.0]
    beside = outputs.LogprobsTensors(ids, log_p, torch.ones(5, dtype=torch.int64), [0, 3, 3, 3])
    both = made.with_probabilities(beside, asks, 4, device).tolists()
    assert both.slice_request(0, 3).logprobs.tolist() == log_p[:3].tolist()
    assert both.slice_request(1, 3).logprob_token_ids[:, 0].tolist() == [7, 8, 9]
    assert both.slice_request(3, 2).logprob_token_ids.tolist() == ids[3:].tolist()
