"""Prices of tokens, and the cost of turns and runs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    Agent,
    AssistantMessage,
    Budget,
    ConfigError,
    LimitExceededError,
    ModelResponse,
    ModelUsage,
    Price,
    ScriptedModel,
    cost_of,
)
from tests.support.scripted_runs import add, call
from tests.support.servers.openai_server import Server, reply, turn

USAGE = ModelUsage(prompt_tokens=1000, cached_tokens=400, generated_tokens=50)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        (Price(input=2, output=10), 1000 * 2e-6 + 50 * 10e-6),
        (Price(input=2, output=10, cached_input=0.5), 600 * 2e-6 + 400 * 0.5e-6 + 50 * 10e-6),
        (Price(input=2, output=10, cached_input=0), 600 * 2e-6 + 50 * 10e-6),
        (Price(input=0, output=0), 0),
    ],
)
def test_a_cost_is_per_million_tokens_of_each_kind(price: Price, cost: float) -> None:
    assert cost_of(USAGE, price) == pytest.approx(cost)


counts = st.integers(0, 10**7)
money = st.floats(0, 1000)


@given(counts, counts, counts, money, money, st.none() | money)
def test_a_cost_is_never_negative_and_at_most_that_without_a_cache_price(
    prompt: int, cached: int, generated: int, given_in: float, given_out: float, cached_in: float | None
) -> None:
    usage = ModelUsage(prompt, cached, generated)
    cost = cost_of(usage, Price(given_in, given_out, cached_in))
    most = cost_of(usage, Price(max(given_in, cached_in or 0), given_out))
    assert 0 <= cost <= most or math.isclose(cost, most)


@pytest.mark.parametrize(
    "options", [{"input": -1}, {"output": "1"}, {"cached_input": math.nan}, {"output": math.inf}]
)
def test_a_price_is_made_of_numbers_of_at_least_zero(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"Price\({next(iter(options))}=\.\.\.\)"):
        Price(**{"input": 1, "output": 1} | options)


def used(answer: AssistantMessage) -> ModelResponse:
    return ModelResponse(answer, USAGE)


async def test_a_run_sums_the_cost_of_its_turns() -> None:
    script = [used(AssistantMessage(calls=(call(1, 2),))), used(AssistantMessage("3"))]
    result = await Agent(ScriptedModel(script, price=Price(input=2, output=10)), tools=[add]).run("go")
    assert result.usage.cost == pytest.approx(2 * 0.0025)
    free = await Agent(ScriptedModel(script), tools=[add]).run("go")
    assert free.usage.cost == 0
    assert free.steps[0].usage.cost is None


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(usual=reply(turn({"content": "Hi."})))
    yield server
    server.close()


async def test_a_servers_turn_costs_by_what_it_says_it_used(server: Server) -> None:
    price = Price(input=1e6, output=1e5, cached_input=1e4)
    async with server.model(price=price) as model:
        result = await Agent(model).run("Hi.")
        streamed = [event async for event in Agent(model).stream("Hi.")]
    assert result.usage.cost == pytest.approx(6 + 0.03 + 0.4)
    assert streamed[-1].result.usage.cost == result.usage.cost  # type: ignore[union-attr]  # pyright: ignore


async def test_a_budget_of_money_is_kept_by_a_priced_model(server: Server) -> None:
    budget = Budget(cost=10.0)
    async with server.model(price=Price(input=0, output=1e6)) as model:
        with pytest.raises(LimitExceededError, match="could cost more than is left"):
            await Agent(model).run("Hi.", budget=budget)
    assert budget.spent.cost == 0
    assert server.asked == []
