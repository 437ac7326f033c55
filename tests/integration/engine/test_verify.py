"""Canvases of chosen lengths that the causal pass reads over, on a real engine."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from agentfast.runtime.backends.base import Backend
from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.core.fields import CallNotation, Field, TurnFields
from agentfast.runtime.decoding.canvas_length import CanvasLengths
from agentfast.runtime.decoding.diffusion import DiffusionDecoder
from agentfast.runtime.decoding.state import Draft
from agentfast.runtime.decoding.verify import Verifier
from agentfast.runtime.engine.engine import Engine, StepView
from agentfast.runtime.scheduling.request import CanvasUpdate, Completion, Request
from agentfast.runtime.scheduling.row import Row
from tests.support.byte_tokenizer import byte_tokenizer
from tests.support.dense_attention import DenseRunner
from tests.support.engine_kit import (
    CALL,
    CALL_TOKENS,
    CANVAS,
    CONFIG,
    EOS,
    GENERATION,
    checked_engine,
    complete,
    small_model,
    some_requests,
    texts,
)

LENGTHS = (8, 16, 32)
GREEDY = replace(GENERATION, verify=1.0, max_reopenings=1000, stability_threshold=0)
LENIENT = replace(GENERATION, verify=0.2, verify_entropy=100.0, stability_threshold=0, canvas_lengths=LENGTHS)


def engine_with(
    generation: GenerationDefaults, config: EngineConfig = CONFIG, **options: Any
) -> AbstractAsyncContextManager[Engine]:
    return checked_engine(config=replace(config, generation=generation), **options)


@torch.inference_mode()
def written_greedily(request: Request) -> tuple[int, ...]:
    """The likeliest token that the grammar allows, one after another, by the model's causal mode."""
    dense = DenseRunner(small_model())
    grammar = request.grammar.compile(byte_tokenizer().vocabulary) if request.grammar else None
    state = grammar.start if grammar else 0
    tokens: list[int] = []
    logits = dense.encode({0: request.prompt})[0][-1]
    while len(tokens) < request.max_tokens:
        if grammar is not None:
            allowed = torch.from_numpy(grammar.allowed(state, request.max_tokens - len(tokens)))
            logits = logits.masked_fill(~allowed, -torch.inf)
        token = int(logits.argmax())
        if token == EOS:
            break
        tokens.append(token)
        state = grammar.advance(state, token) if grammar else 0
        logits = dense.encode({0: [token]})[0][-1]
    return tuple(tokens)


@pytest.mark.parametrize("lengths", [(), LENGTHS])
async def test_with_a_share_of_one_the_causal_mode_alone_decides(lengths: tuple[int, ...]) -> None:
    requests = some_requests(5, seed=4)
    async with engine_with(replace(GREEDY, canvas_lengths=lengths)) as engine:
        results = await complete(engine, requests)
    assert [result.tokens for result in results] == [written_greedily(request) for request in requests]


async def test_only_tokens_that_their_canvas_is_sure_of_have_a_smaller_share() -> None:
    requests = some_requests(5, seed=4)
    unsure = replace(GREEDY, verify=1e-9, verify_entropy=0.0)
    trusted = replace(unsure, verify_entropy=100.0)
    tokens: list[list[tuple[int, ...]]] = []
    for generation in (GREEDY, unsure, trusted):
        async with engine_with(generation) as engine:
            results = await complete(engine, requests)
        tokens.append([result.tokens for result in results])
    assert tokens[0] == tokens[1] != tokens[2]


async def test_what_followed_a_correction_has_no_smaller_share(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[bool, set[bool]]] = []
    append = Verifier.append

    def watched(reader: Verifier, row: Row, draft: Draft, after: int) -> None:
        seen.append((draft.fresh, set(draft.sure.tolist())))
        append(reader, row, draft, after)

    monkeypatch.setattr(Verifier, "append", watched)
    async with engine_with(LENIENT) as engine:
        await asyncio.gather(*(engine.submit(request) for request in some_requests(8, seed=4)))
    assert {fresh for fresh, _ in seen} == {True, False}
    assert all(sure == {fresh} for fresh, sure in seen)


@pytest.mark.parametrize("tight", [False, True])
async def test_a_seed_gives_the_same_tokens_alone_and_in_any_batch(tight: bool) -> None:
    requests = some_requests(12, seed=8)
    async with engine_with(LENIENT) as engine:
        alone = [await engine.submit(request) for request in requests]
    config = CONFIG
    if tight:
        config = replace(CONFIG, max_batch_tokens=48, max_prefill_tokens=16, cache_tokens=640, max_rows=5)
    async with engine_with(LENIENT, config) as engine:
        together = await complete(engine, requests)
    assert texts(together) == texts(alone)


async def test_a_grammar_is_always_met_within_the_budget() -> None:
    requests = [
        Request(tuple(range(5, 30)), max_tokens=CALL_TOKENS + extra, grammar=CALL, seed=extra, temperature=t)
        for extra in range(0, 12, 2)
        for t in (0.0, 1.0)
    ]
    for generation in (LENIENT, GREEDY, replace(LENIENT, max_reopenings=1)):
        async with engine_with(generation) as engine:
            results = await complete(engine, requests)
            assert engine.metrics.steps == sum(result.usage.steps for result in results)
        for result in results:
            assert result.finish_reason == "stop"
            assert CALL.accepts(result.text)


async def test_a_later_prompt_finds_what_was_read_over_in_the_cache() -> None:
    """Also where drafts were rejected: their keys and values must not be found under the tokens that stayed."""
    request = Request(tuple(range(40)), max_tokens=30, seed=3)
    async with engine_with(GREEDY) as engine:
        first = await engine.submit(request)
        longer = Request((*request.prompt, *first.tokens, 7, 8, 9), max_tokens=15, seed=4)
        second = await engine.submit(longer)
        known = len(request.prompt) + len(first.tokens)
        assert (
            second.usage.cached_tokens >= known // CONFIG.block_size * CONFIG.block_size - CONFIG.block_size
        )
    assert second.tokens == written_greedily(longer)


async def test_a_request_that_names_a_length_gets_it_and_another_one_what_it_needs() -> None:
    async with engine_with(LENIENT) as engine:
        named = [await _lengths(engine, Request((1, 2, 3), 40, CALL, canvas_length=n)) for n in (5, 20)]
        chosen = await _lengths(engine, Request((1, 2, 3), 40, CALL))
    assert [max(lengths) for lengths in named] == [5, 20]
    assert max(chosen) == 15  # tokens of the longest call

    async with engine_with(LENIENT, replace(CONFIG, canvas_length=24)) as engine:
        assert max(await _lengths(engine, Request((1, 2, 3), 40, CALL))) == 24


@pytest.mark.parametrize(("lengths", "usual"), [((), 12), (LENGTHS, 12), (LENGTHS, None)])
async def test_without_a_grammar_a_canvas_has_the_usual_length(
    lengths: tuple[int, ...], usual: int | None
) -> None:
    generation = replace(LENIENT, canvas_lengths=lengths, usual_canvas=usual)
    async with engine_with(generation, replace(CONFIG, canvas_length=None)) as engine:
        assert max(await _lengths(engine, Request((1, 2, 3), 40))) == (
            usual or small_model().config.canvas_length
        )


async def _lengths(engine: Engine, request: Request) -> set[int]:
    """Tokens of each canvas when it was shown."""
    return {len(u.tokens) async for u in engine.stream(request) if isinstance(u, CanvasUpdate)}


async def test_canvases_that_shrink_cost_fewer_tokens_and_meet_their_grammar() -> None:
    requests = [Request(tuple(range(9, 40)), 40, CALL, seed=seed) for seed in range(12)]
    taken: list[int] = []
    for lengths in ((), LENGTHS):
        generation = replace(GENERATION, canvas_lengths=lengths, confidence_threshold=1e-6)
        async with engine_with(generation, replace(CONFIG, canvas_length=None)) as engine:
            results = await complete(engine, requests)
            taken.append(engine.metrics.canvas_tokens)
        assert all(CALL.accepts(result.text) for result in results)
    assert taken[1] < taken[0]


DIGITS = TurnFields(CallNotation("<call>", "call:", ""), answer={"type": "object"})
"""The members of an object, as free fields."""


async def test_fields_have_the_probabilities_of_the_causal_mode() -> None:
    request = Request(tuple(range(9, 40)), 40, CALL, seed=1, fields=DIGITS)
    async with engine_with(GREEDY) as engine:
        result = await engine.submit(request)
    expected = _probability(request, result)
    assert result.fields[0].probability == pytest.approx(expected, rel=1e-3)


@torch.inference_mode()
def _probability(request: Request, result: Completion) -> float:
    """P(the digits, and that they end) token by token under the grammar."""
    assert request.grammar is not None
    grammar = request.grammar.compile(byte_tokenizer().vocabulary)
    logits = DenseRunner(small_model()).encode({0: (*request.prompt, *result.tokens)})[0]
    log_p, state = 0.0, grammar.start
    for i, token in enumerate(result.tokens):
        allowed = grammar.allowed(state, request.max_tokens - i)
        x = logits[len(request.prompt) - 1 + i].numpy()[allowed]
        if result.text[:i].endswith(":") or ":" in result.text[:i]:
            place = int(np.searchsorted(np.flatnonzero(allowed), token))
            log_p += float(x[place] - np.log(np.exp(x - x.max()).sum()) - x.max())
        state = grammar.advance(state, token)
    return float(np.exp(log_p))


TRUSTING = replace(LENIENT, confidence_threshold=100.0, trusted_entropy=100.0)


async def _steps(
    special: frozenset[int] = frozenset(),
    fields: TurnFields | tuple[Field, ...] | None = None,
    generation: GenerationDefaults = TRUSTING,
    length: int = CANVAS,
) -> list[int]:
    """Passes that each of a few short answers took with a decoder that trusts all that it may."""

    def decoder(backend: Backend) -> DiffusionDecoder:
        return DiffusionDecoder(backend, generation, CanvasLengths(length), frozenset({EOS}), special)

    async with engine_with(generation, decoder=decoder) as engine:
        requests = [Request((1, 2, seed), CANVAS, CALL, seed=seed, fields=fields) for seed in range(6)]
        results = await complete(engine, requests)
    assert all(CALL.accepts(result.text) for result in results)
    assert all(bool(result.fields) == (fields is DIGITS) for result in results)
    return [result.usage.steps for result in results]


async def test_a_text_that_its_first_step_is_sure_of_is_not_read_over() -> None:
    assert set(await _steps()) == {1}


async def test_a_special_token_or_a_field_makes_it_read_over_but_no_reader_of_nothing() -> None:
    assert min(await _steps(special=frozenset(byte_tokenizer().encode("{")))) > 1
    assert min(await _steps(fields=DIGITS)) > 1
    assert set(await _steps(fields=())) == {1}


async def test_a_call_that_its_first_step_is_sure_of_is_read_over_only_for_its_fields() -> None:
    call = frozenset(byte_tokenizer().encode("{"))
    trusting = replace(TRUSTING, trusted_entropy=0.0, trusted_call_entropy=100.0)
    assert set(await _steps(call, generation=trusting)) == {1}
    assert min(await _steps(call, DIGITS, trusting)) > 1
    unsure = replace(trusting, trusted_call_entropy=1e-6)
    assert min(await _steps(call, generation=unsure)) > 1


async def test_the_last_of_several_canvases_is_trusted_as_a_call_if_none_was_corrected() -> None:
    reading = replace(TRUSTING, verify=1e-9, trusted_entropy=0.0)
    trusting = replace(reading, trusted_call_entropy=100.0)
    uncorrected = await _steps(generation=reading, length=4)
    trusted = await _steps(generation=trusting, length=4)
    saved = {before - after for before, after in zip(uncorrected, trusted, strict=True)}
    assert saved == {0, 1}  # an end alone is read over without a pass
    assert await _steps(generation=replace(reading, trusted_entropy=100.0), length=4) == uncorrected

    corrected = await _steps(generation=replace(reading, verify=1.0), length=4)
    strict = await _steps(generation=replace(trusting, verify=1.0), length=4)
    assert all(got in one for got, one in zip(strict, zip(corrected, trusted, strict=True), strict=True))
    assert sum(got == steps for got, steps in zip(strict, corrected, strict=True)) > 1


async def test_observers_see_every_committed_canvas() -> None:
    seen: list[StepView] = []
    async with engine_with(LENIENT) as engine:
        stop = engine.observe(seen.append)
        results = await asyncio.gather(*(engine.submit(r) for r in some_requests(8, seed=2)))
        stop()
    committed = sum(update.committed for view in seen for update in view.canvases)
    assert committed == sum(result.usage.canvases for result in results)
