"""Runs inside runs: sub-agents as tools, hand-offs, shared budgets, deadlines and sinks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    Agent,
    AgentEvent,
    AssistantMessage,
    Budget,
    ConfigError,
    HandedOff,
    LimitExceededError,
    Limits,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    PlainModel,
    RunContext,
    RunFinished,
    RunInfo,
    RunPausedError,
    SavedRun,
    SystemMessage,
    ToolCall,
    tool,
)
from tests.support.scripted_runs import BOUND_S


class Counting(PlainModel):
    """Answers after `turns` calls of a tool; each turn takes 10 tokens, and a moment."""

    def __init__(self, call: ToolCall | None = None, turns: int = 1, tokens: int = 10) -> None:
        self.requests: list[ModelRequest] = []
        self._call = call
        self._turns = turns
        self._tokens = tokens

    @property
    def name(self) -> str:
        return "counting"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        self.requests.append(request)
        await asyncio.sleep(0)
        own = sum(isinstance(message, AssistantMessage) for message in request.messages)
        usage = ModelUsage(generated_tokens=min(self._tokens, request.max_tokens or self._tokens))
        if self._call is not None and own < self._turns:
            return ModelResponse(AssistantMessage(calls=(self._call,)), usage)
        return ModelResponse(AssistantMessage("answer"), usage)


class Stuck(PlainModel):
    """Never answers."""

    @property
    def name(self) -> str:
        return "stuck"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        await asyncio.Event().wait()
        raise AssertionError


async def test_an_agent_is_a_tool_of_another_and_its_usage_is_added() -> None:
    inner = Agent(Counting(), name="expert", description="Knows.", output_type=str)
    model = Counting(ToolCall("expert", {"prompt": "why?"}))
    result = await Agent(model, tools=[inner.as_tool()]).run("go")
    assert result.steps[0].results[0].content == '"answer"'
    assert (result.usage.generated_tokens, result.usage.steps) == (30, 3)
    assert len(result.steps) == 2


async def test_an_agent_without_a_description_is_no_tool() -> None:
    with pytest.raises(ConfigError, match="agent 'agent' has no description"):
        Agent(Counting()).as_tool()


async def test_a_sub_agents_failure_is_a_result_and_its_usage_still_counts() -> None:
    inner = Agent(Counting(ToolCall("none", {}), 9), name="expert", limits=Limits(max_steps=2))
    model = Counting(ToolCall("expert", {"prompt": "why?"}))
    result = await Agent(model, tools=[inner.as_tool(description="Knows.")]).run("go")
    assert "no answer within 2 steps" in result.steps[0].results[0].content
    assert result.usage.generated_tokens == 40


async def test_deps_reach_the_agents_inside() -> None:
    @tool
    async def who(context: RunContext[str]) -> str:
        """Tell who asks."""
        return context.deps

    inner = Agent(Counting(ToolCall("who", {})), name="inner", tools=[who], deps_type=str)
    model = Counting(ToolCall("inner", {"prompt": "x"}))
    seen: list[tuple[RunInfo, AgentEvent[Any]]] = []
    outer = Agent(
        model,
        tools=[inner.as_tool(description="Asks.")],
        deps_type=str,
        sinks=[lambda run, event: seen.append((run, event))],
    )
    result = await outer.run("go", deps="anna")
    finished = [(run, event.result) for run, event in seen if isinstance(event, RunFinished)]
    (inside, inner_result), (outside, _) = finished
    assert inner_result.steps[0].results[0].content == '"anna"'
    assert (inside.agent, inside.parent_id) == ("inner", result.run_id)
    assert inside.parent_call_id == result.steps[0].message.calls[0].id
    assert (outside.agent, outside.parent_id) == ("agent", None)


async def test_an_outer_deadline_ends_the_runs_inside() -> None:
    inner = Agent(Stuck(), name="inner")
    agent = Agent(
        Counting(ToolCall("inner", {"prompt": "x"})),
        tools=[inner.as_tool(description="Hangs.")],
        limits=Limits(deadline_s=0.05),
    )
    with pytest.raises(LimitExceededError, match=r"the deadline of 0\.05 s is over"):
        await asyncio.wait_for(agent.run("go"), BOUND_S)


async def test_a_run_in_a_sync_tools_thread_keeps_to_the_outer_deadline() -> None:
    said: list[str] = []
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> str:
        """Ask."""
        try:
            return Agent(Stuck()).run_sync("x").output
        except LimitExceededError as error:
            said.append(error.message)
            raise
        finally:
            loop.call_soon_threadsafe(done.set)

    agent = Agent(Counting(ToolCall("ask", {})), tools=[ask], limits=Limits(deadline_s=0.1))
    with pytest.raises(LimitExceededError):
        await agent.run("go")
    await asyncio.wait_for(done.wait(), BOUND_S)
    assert said == ["the deadline of the run around this one is over"]


async def test_a_conversation_is_handed_to_another_agent() -> None:
    expert_model = Counting()
    expert = Agent(
        expert_model, name="billing", instructions="You bill.", description="Bills.", output_type=str
    )
    front = Agent(
        Counting(ToolCall("transfer_to_billing", {})),
        name="front",
        instructions="You greet.",
        handoffs=[expert],
    )
    events = [event async for event in front.stream("go")]
    assert isinstance(events[-1], RunFinished)
    result = events[-1].result
    assert HandedOff(0, "billing", "You bill.") in events
    assert (result.output, result.agent) == ("answer", "billing")
    assert result.messages[0] == SystemMessage("You bill.")
    assert expert_model.requests[0].messages[0] == SystemMessage("You bill.")
    assert "The conversation goes on with billing." in result.steps[0].results[0].content


async def test_a_run_that_was_handed_over_is_resumed_by_the_agent_it_began_with() -> None:
    @tool(requires_approval=True)
    def pay() -> str:
        """Pay."""
        return "paid"

    expert = Agent(Counting(ToolCall("pay", {}, "c9"), 2), name="billing", tools=[pay], description="Bills.")
    front = Agent(Counting(ToolCall("transfer_to_billing", {})), name="front", handoffs=[expert])
    with pytest.raises(RunPausedError) as caught:
        await front.run("go")
    result = await front.resume(SavedRun.from_json(caught.value.state.to_json()), {"c9": True})
    assert (result.agent, result.output) == ("billing", "answer")


def test_agents_to_hand_over_to_have_names_of_their_own() -> None:
    one, two = Agent(Counting()), Agent(Counting())
    with pytest.raises(ConfigError, match="two agents of handoffs are named 'agent'"):
        Agent(Counting(), handoffs=[one, two])
    with pytest.raises(ConfigError, match="cannot be handed to"):
        Agent(Counting(), handoffs=[Agent(Counting(), name="x" * 60)])


@given(
    st.integers(1, 12),
    st.integers(1, 30),
    st.integers(1, 30),
    st.integers(1, 300),
)
def test_runs_that_share_a_budget_exceed_no_bound_by_one(
    runs: int, requests: int, calls: int, tokens: int
) -> None:
    budget = Budget(requests=requests, calls=calls, tokens=tokens)
    model = Counting(ToolCall("noop", {}), 3)

    async def noop() -> None:
        """Do nothing."""

    agent = Agent(model, tools=[noop], limits=Limits(max_identical_calls=None))

    async def main() -> list[Any]:
        many = (agent.run("go", budget=budget) for _ in range(runs))
        return await asyncio.gather(*many, return_exceptions=True)

    outcomes = asyncio.run(main())
    spent = budget.spent
    assert spent.requests == len(model.requests) <= requests
    assert spent.calls <= calls
    assert spent.tokens <= tokens
    assert spent.tokens == sum(min(10, request.max_tokens or 10) for request in model.requests)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            assert isinstance(outcome, LimitExceededError)
            assert "the shared budget of" in outcome.message
    if runs * 4 <= requests and runs * 3 <= calls and runs * 40 <= tokens:
        assert not any(isinstance(outcome, BaseException) for outcome in outcomes)


async def test_a_turn_waits_for_tokens_that_others_hold_and_may_return() -> None:
    budget = Budget(tokens=3000)
    model = Counting()
    agent = Agent(model)
    results = await asyncio.gather(*(agent.run("go", budget=budget) for _ in range(20)))
    assert [result.output for result in results] == ["answer"] * 20
    assert budget.spent.tokens == 200


async def test_runs_inside_share_the_budget_of_the_run_around_them() -> None:
    inner = Agent(Counting(), name="inner")
    agent = Agent(Counting(ToolCall("inner", {"prompt": "x"}), 5), tools=[inner.as_tool(description="Asks.")])
    budget = Budget(requests=3)
    with pytest.raises(LimitExceededError, match="budget of 3 requests to models is used up"):
        await agent.run("go", budget=budget)
    assert budget.spent.requests == 3


async def test_a_budget_of_seconds_counts_from_the_first_run_on() -> None:
    budget = Budget(seconds=0.05)
    for _ in range(2):
        with pytest.raises(LimitExceededError, match=r"the shared budget of 0\.05 s is used up"):
            await asyncio.wait_for(Agent(Stuck()).run("go", budget=budget), BOUND_S)


async def test_a_budget_of_money_holds_with_the_models_price() -> None:
    class Priced(Counting):
        class price:  # noqa: N801
            input = 0.0
            output = 1e6

        async def respond(self, request: ModelRequest) -> ModelResponse:
            response = await super().respond(request)
            usage = ModelUsage(generated_tokens=10, cost=10.0)
            return ModelResponse(response.message, usage)

    model = Priced(ToolCall("noop", {"n": 1}), 50)

    def noop(n: int) -> None:
        """Do nothing."""

    agent = Agent(model, tools=[noop], limits=Limits(max_identical_calls=None))
    budget = Budget(cost=2100.0)
    with pytest.raises(LimitExceededError, match="could cost more than is left") as caught:
        await agent.run("go", budget=budget)
    assert budget.spent.cost == 60.0
    assert sum(step.usage.cost or 0 for step in caught.value.steps) == 60.0


@pytest.mark.parametrize("bounds", [{"requests": 0}, {"tokens": 1.5}, {"seconds": -1}, {"cost": 0}])
def test_bounds_are_above_zero(bounds: Any) -> None:
    with pytest.raises(ConfigError, match=r"Budget\("):
        Budget(**bounds)


async def test_a_sink_that_raises_is_logged_once_and_the_run_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(run: RunInfo, event: AgentEvent[Any]) -> None:
        raise OSError("disk full")

    result = await Agent(Counting(), sinks=[broken]).run("go")
    assert result.output == "answer"
    assert caplog.text.count("a sink failed") == 1


async def test_a_required_sink_that_raises_ends_the_run() -> None:
    class Required:
        required = True

        def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await Agent(Counting(), sinks=[Required()]).run("go")
