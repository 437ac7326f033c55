"""The engine from outside: what callers may rely on."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import replace

import jsonschema
import pytest

from agentfast.errors import (
    AbortedError,
    BudgetTooSmallError,
    CapacityError,
    ConfigError,
    EngineClosedError,
    GrammarError,
    QueueFullError,
)
from agentfast.runtime.engine.engine import Engine, StepView
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.model.config import Kind
from agentfast.runtime.scheduling.request import CanvasUpdate, Completion, Request
from tests.support.engine_kit import (
    CALL,
    CALL_TOKENS,
    CONFIG,
    LONG,
    VOCABULARY,
    checked_engine,
    complete,
    outcomes,
    some_requests,
    texts,
)

KINDS: tuple[Kind, ...] = ("diffusion", "autoregressive")


async def submissions(engine: Engine, count: int) -> None:
    """Wait until the engine has so many requests."""
    while engine.metrics.submitted < count:  # noqa: ASYNC110 - the engine has no event for it
        await asyncio.sleep(0)


@pytest.fixture(params=KINDS)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[Engine]:
    """An engine of each kind; afterwards its books must be right and its thread gone."""
    async with asyncio.timeout(60), checked_engine(request.param) as made:
        yield made
    assert not [thread for thread in threading.enumerate() if thread.name == "agentfast-engine"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("tight", [False, True])
async def test_a_seed_gives_the_same_tokens_alone_and_in_any_batch(kind: Kind, tight: bool) -> None:
    requests = some_requests(16, seed=7)
    async with checked_engine(kind) as engine:
        alone = [await engine.submit(request) for request in requests]
    config = CONFIG
    if tight:  # little room in a batch and in the cache, short prefills, few rows
        config = replace(CONFIG, max_batch_tokens=48, max_prefill_tokens=16, cache_tokens=512, max_rows=5)
    async with checked_engine(kind, config) as engine:
        together = await complete(engine, requests)
    assert texts(together) == texts(alone)


async def test_a_shared_prefix_is_encoded_once(engine: Engine) -> None:
    requests = some_requests(10, seed=1, shared=64, grammar=False)
    results = await complete(engine, requests)
    assert sum(result.usage.cached_tokens >= 64 for result in results) >= 9
    metrics = engine.metrics.snapshot()
    own = sum(len(request.prompt) - 64 for request in requests)
    generated = metrics.generated_tokens if metrics.canvas_tokens == 0 else 16 * metrics.canvases
    assert metrics.encoded_tokens <= 64 + own + generated


async def test_a_grammar_is_always_met_within_the_budget(engine: Engine) -> None:
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    requests = [
        Request(tuple(range(5, 30)), max_tokens=CALL_TOKENS + extra, grammar=CALL, seed=extra, temperature=t)
        for extra in range(0, 12, 3)
        for t in (0.0, 1.0, 1.5)
    ]
    for result in await complete(engine, requests):
        assert result.finish_reason == "stop"
        assert CALL.accepts(result.text)
        jsonschema.validate(json.loads(result.text), schema)


async def test_without_an_end_token_generation_stops_at_the_budget(engine: Engine) -> None:
    results = [await engine.submit(request) for request in some_requests(6, seed=2, grammar=False)]
    for request, result in zip(some_requests(6, seed=2, grammar=False), results, strict=True):
        if result.finish_reason == "length":
            assert len(result.tokens) == request.max_tokens == result.usage.generated_tokens
        else:
            assert len(result.tokens) == result.usage.generated_tokens - 1 < request.max_tokens


async def test_impossible_requests_are_refused_before_they_start(engine: Engine) -> None:
    refused: list[tuple[Request, type[Exception]]] = [
        (Request((1, VOCABULARY), max_tokens=1), ConfigError),
        (Request((1,) * 1000, max_tokens=100), CapacityError),
        (Request((1,), max_tokens=CALL_TOKENS - 1, grammar=CALL), BudgetTooSmallError),
        (Request((1,), max_tokens=9, grammar=Grammar.special("<nothing>")), GrammarError),
    ]
    for request, error in refused:
        with pytest.raises(error):
            await engine.submit(request)
    assert engine.metrics.forwards == 0


async def test_a_request_larger_than_the_cache_is_refused() -> None:
    async with checked_engine(config=replace(CONFIG, cache_tokens=64)) as engine:
        with pytest.raises(CapacityError, match="cache_tokens"):
            await engine.submit(Request((1,) * 65, max_tokens=1))
        assert (await engine.submit(Request((1,) * 64, max_tokens=1))).usage.prompt_tokens == 64


async def test_a_stream_shows_every_step_and_ends_with_the_completion(engine: Engine) -> None:
    request = some_requests(1, seed=3, grammar=False)[0]
    seen = [item async for item in engine.stream(request)]
    *updates, completion = seen
    assert isinstance(completion, Completion)
    assert all(isinstance(update, CanvasUpdate) for update in updates)
    assert len(updates) == completion.usage.steps
    assert completion.tokens == (await engine.submit(request)).tokens


async def test_leaving_a_stream_early_frees_the_row(engine: Engine) -> None:
    # A request that cannot end early is not over before its caller leaves.
    stream = engine.stream(Request((1, 2, 3), max_tokens=510, grammar=LONG))
    async for _ in stream:
        break
    await stream.aclose()  # type: ignore[attr-defined]
    await engine.submit(Request((1,), max_tokens=1))
    assert engine.metrics.aborted == 1
    assert engine.blocks()["used"] == 0


async def test_cancelling_a_caller_frees_its_row(engine: Engine) -> None:
    task = asyncio.create_task(engine.submit(Request((1, 2, 3), max_tokens=600, grammar=LONG)))
    await submissions(engine, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await engine.submit(Request((1,), max_tokens=1))
    assert engine.metrics.aborted == 1


async def test_an_aborted_request_says_so(engine: Engine) -> None:
    request = Request((1, 2, 3), max_tokens=600, grammar=LONG)
    task = asyncio.create_task(engine.submit(request))
    await submissions(engine, 1)
    engine.abort(request.id)
    with pytest.raises(AbortedError):
        await task
    engine.abort(request.id)


async def test_closing_ends_what_runs_and_refuses_what_comes(engine: Engine) -> None:
    tasks = [
        asyncio.create_task(engine.submit(Request((n,), max_tokens=600, grammar=LONG))) for n in range(3)
    ]
    await submissions(engine, 3)
    await engine.aclose()
    ends = {type(result) for result in await asyncio.gather(*tasks, return_exceptions=True)}
    assert EngineClosedError in ends
    assert ends <= {EngineClosedError, Completion}
    with pytest.raises(EngineClosedError):
        await engine.submit(Request((1,), max_tokens=1))


async def test_draining_completes_what_runs(engine: Engine) -> None:
    tasks = [asyncio.create_task(engine.submit(Request((n,), max_tokens=40))) for n in range(3)]
    await submissions(engine, 3)
    await engine.aclose(drain=True)
    assert all(isinstance(result, Completion) for result in await asyncio.gather(*tasks))


async def test_a_full_queue_raises_if_it_is_told_to() -> None:
    config = replace(CONFIG, max_rows=1, max_queue=2, when_full="raise")
    async with checked_engine(config=config) as engine:
        results = await outcomes(engine, (Request((n,), max_tokens=30) for n in range(12)))
    kinds = [type(result) for result in results]
    assert set(kinds) == {Completion, QueueFullError}


async def test_a_full_queue_lets_callers_wait_by_default() -> None:
    async with checked_engine(config=replace(CONFIG, max_rows=2, max_queue=2)) as engine:
        results = await complete(engine, (Request((n,), max_tokens=20) for n in range(12)))
    assert len(results) == 12


async def test_several_event_loops_share_an_engine(engine: Engine) -> None:
    requests = some_requests(6, seed=5)
    results: dict[int, Completion] = {}

    def run(index: int) -> None:
        results[index] = asyncio.run(engine.submit(requests[index]))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(1, 6)]
    for thread in threads:
        thread.start()
    results[0] = await engine.submit(requests[0])
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert len(results) == 6


async def test_an_observer_sees_the_canvases_of_each_step_until_it_stops(engine: Engine) -> None:
    views: list[StepView] = []
    stop = engine.observe(views.append)
    requests = some_requests(4, seed=6)
    await complete(engine, requests)
    stop()
    count = len(views)
    await engine.submit(requests[0])
    assert len(views) == count
    shown = {canvas.request_id for view in views for canvas in view.canvases}
    assert shown == {request.id for request in requests}
    assert max(view.batch_rows for view in views) >= 2
    for view in views:
        assert all(len(canvas.tokens) == len(canvas.accepted) for canvas in view.canvases)


async def test_the_loop_stays_free_while_the_engine_works(engine: Engine) -> None:
    task = asyncio.create_task(engine.submit(Request((1, 2), max_tokens=300)))
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns > engine.metrics.forwards


async def test_a_step_without_rows_runs_nothing(engine: Engine) -> None:
    engine.step()
    assert engine.metrics.forwards == 0
    assert await engine.submit(Request((1,), max_tokens=1))
