"""Rows fail, are cancelled and aborted at random; the others must not notice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.errors import AbortedError, EngineError, GrammarError
from agentfast.runtime.core.random_streams import PhiloxStreams
from agentfast.runtime.engine.engine import Engine, StepView
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import Kind
from agentfast.runtime.scheduling.request import Completion, Request
from tests.support.engine_kit import (
    CONFIG,
    LONG,
    VOCABULARY,
    checked_engine,
    complete,
    outcomes,
    small_model,
    some_requests,
    texts,
)
from tests.support.tiny_model import twin_of

POISON = 255


class PoisonedModel(BlockDiffusionModel):
    """Gives NaN for the prompt token 255, as an overflow in half precision would."""

    def forward(self, tokens: Tensor, *args: Any, **options: Any) -> Tensor:
        hidden = super().forward(tokens, *args, **options)
        denoise = options["denoise"]
        bad = (tokens == POISON) & (~denoise if isinstance(denoise, Tensor) else torch.tensor(not denoise))
        return hidden.masked_fill(bad[:, None], torch.nan)


class BreakingModel(BlockDiffusionModel):
    """Raises in its third call."""

    calls = 0

    def forward(self, *args: Any, **options: Any) -> Tensor:
        self.calls += 1
        if self.calls == 3:
            raise RuntimeError("out of memory")
        return super().forward(*args, **options)


def clean(requests: Sequence[Request]) -> list[Request]:
    """Without the poisonous token."""
    return [
        Request(
            tuple(t % POISON for t in r.prompt),
            r.max_tokens,
            r.grammar,
            r.seed,
            r.temperature,
            program=r.program,
        )
        for r in requests
    ]


class Havoc:
    """Cancels, aborts and fails rows while others run; an observer's step is its clock."""

    def __init__(self, engine: Engine, victims: list[Request], seed: int) -> None:
        self.engine = engine
        self.rng = random.Random(seed)
        self.loop = asyncio.get_running_loop()
        self.left = victims
        self.started: list[int] = []
        self.tasks: list[asyncio.Task[Completion]] = []
        self.seen: set[type] = set()
        self.stop = engine.observe(self.on_step)

    def on_step(self, view: StepView) -> None:
        if self.rng.random() < 0.7:
            self.loop.call_soon_threadsafe(self.strike)

    def strike(self) -> None:
        if self.left and self.rng.random() < 0.6:
            victim = self.left.pop()
            self.started.append(victim.id)
            self.tasks.append(asyncio.create_task(self.engine.submit(victim)))
        elif self.tasks and self.rng.random() < 0.5:
            self.rng.choice(self.tasks).cancel()
        elif self.started:
            self.engine.abort(self.rng.choice(self.started))

    async def end(self) -> None:
        self.stop()
        ends = await asyncio.gather(*self.tasks, return_exceptions=True)
        self.seen = {type(end) for end in ends}


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
async def test_faults_of_some_rows_leave_the_others_as_they_were(kind: Kind, seed: int) -> None:
    model = twin_of(small_model(kind), PoisonedModel)
    requests = clean(some_requests(24, seed))
    prefix = requests[0].prompt[:32]
    async with checked_engine(model) as engine:
        undisturbed = await outcomes(engine, requests)
    victims = [
        Request((*prefix, n, *(POISON,) * (n % 3 == 0), 7), max_tokens=300, grammar=LONG) for n in range(40)
    ]
    doomed = Request((*prefix, POISON, 7), max_tokens=60)
    impossible = Request(prefix, max_tokens=50, grammar=Grammar.special("<nothing>"))
    async with checked_engine(model) as engine:
        havoc = Havoc(engine, victims, seed)
        together = asyncio.ensure_future(outcomes(engine, requests))
        with pytest.raises(GrammarError):
            await engine.submit(impossible)
        with pytest.raises(EngineError, match="not finite"):
            await engine.submit(doomed)
        disturbed = await together
        await havoc.end()
    assert len(havoc.tasks) > 2
    assert havoc.seen <= {asyncio.CancelledError, EngineError, AbortedError, Completion}
    assert texts(disturbed) == texts(undisturbed)


async def test_poisoned_blocks_are_never_shared() -> None:
    model = twin_of(small_model(), PoisonedModel)
    prompt = (*range(20), POISON, *range(20))
    async with checked_engine(model) as engine:
        for _ in range(2):
            with pytest.raises(EngineError, match="not finite"):
                await engine.submit(Request(prompt, max_tokens=4))
        assert engine.blocks() == {"free": CONFIG.num_blocks, "cached": 0, "used": 0}


async def test_when_a_step_fails_as_a_whole_its_rows_fail_and_the_engine_goes_on() -> None:
    model = twin_of(small_model(), BreakingModel)
    requests = some_requests(4, seed=3, grammar=False)
    async with checked_engine(model) as engine:
        first = await outcomes(engine, requests)
        assert any(isinstance(result, EngineError) for result in first)
        again = await complete(engine, requests)
        assert all(isinstance(result, Completion) for result in again)


class BreakingStreams(PhiloxStreams):
    """Noise once, for the first canvas; then an error, as a bug in decoding would be."""

    def uniforms(self, n: int) -> NDArray[np.float64]:
        raise RuntimeError("no numbers left")


async def test_a_row_whose_decoding_breaks_fails_alone() -> None:
    def draws(request: Request) -> PhiloxStreams:
        return (BreakingStreams if request.seed == 2 else PhiloxStreams)(request.seed, VOCABULARY)

    requests = [Request(tuple(range(i, i + 9)), max_tokens=64, seed=i, canvas_length=32) for i in range(5)]
    for threads in (1, 2):
        config = replace(CONFIG, threads=threads)
        async with checked_engine(config=config, streams=draws) as engine:
            ends = await outcomes(engine, requests)
        assert [isinstance(end, Completion) for end in ends] == [i != 2 for i in range(5)]
        with pytest.raises(EngineError, match="no numbers left"):
            raise cast("Exception", ends[2])
