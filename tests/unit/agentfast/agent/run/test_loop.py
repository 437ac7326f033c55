"""Limits, deadlines and cancellation of a run: nothing that was done is lost, nothing goes on running."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    Agent,
    AgentFastError,
    AssistantMessage,
    BudgetTooSmallError,
    CapacityError,
    GrammarError,
    LimitExceededError,
    Limits,
    Message,
    ModelError,
    ModelFaultError,
    ModelRequest,
    ModelResponse,
    ModelUnavailableError,
    ModelUsage,
    ScriptedModel,
    Settings,
    ToolCall,
    ToolMessage,
    tool,
)
from agentfast.agent.history.read import read_history
from agentfast.agent.run.seeds import derive_seed
from agentfast.models.base import ModelEvent
from agentfast.models.scripted import Answer
from tests.support.scripted_runs import BOUND_S, RecordingModel, add, call, turn_of


def always_call(messages: Sequence[Message]) -> ModelResponse:
    return turn_of(call(1, 2))


@pytest.mark.parametrize(
    ("limits", "complaint", "steps"),
    [
        (Limits(max_steps=3, max_identical_calls=None), "no answer within 3 steps", 3),
        (Limits(max_tool_calls=2), "more than 2 tool calls", 3),
        (Limits(max_tokens=25, max_identical_calls=None), "no answer within 25 tokens", 3),
    ],
)
async def test_a_limit_ends_the_run_and_hands_over_what_was_done(
    limits: Limits, complaint: str, steps: int
) -> None:
    agent = Agent(ScriptedModel(always_call), tools=[add], limits=limits)
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(LimitExceededError, match=complaint) as caught:
            await agent.run("go")
    assert len(caught.value.steps) == steps
    assert caught.value.messages[: 1 + 2 * steps]
    assert sum(isinstance(message, AssistantMessage) for message in caught.value.messages) >= steps


async def test_a_turn_gets_no_more_tokens_than_the_run_has_left() -> None:
    model = RecordingModel(always_call)
    agent = Agent(model, tools=[add], limits=Limits(max_tokens=25), settings=Settings(max_tokens=20))
    with pytest.raises(LimitExceededError):
        await agent.run("go")
    assert [request.max_tokens for request in model.requests] == [20, 15, 5]


async def test_a_budget_too_small_is_the_runs_limit_only_if_the_run_made_it_small() -> None:
    error = BudgetTooSmallError(needed=30, budget=5)
    script: list[Answer] = [always_call([]), error]
    limited = Agent(ScriptedModel(script), tools=[add], limits=Limits(max_tokens=15))
    with pytest.raises(LimitExceededError, match="takes 30 tokens"):
        await limited.run("go")
    with pytest.raises(BudgetTooSmallError):
        await Agent(ScriptedModel(script), tools=[add]).run("go")


@pytest.mark.parametrize(
    ("limits", "used", "said"),
    [
        (Limits(), 20, r"its token limit of 20 \(raise Settings\(max_tokens=...\)\)"),
        (Limits(), 0, r"its token limit of 20 \(raise Settings\(max_tokens=...\)\)"),
        (Limits(max_tokens=15), 15, r"its token limit of 15 \(raise Limits\(max_tokens=...\)\)"),
        (
            Limits(),
            7,
            r"after 7 tokens, though Settings\(max_tokens=...\) allows 20 \(it is a limit of the model",
        ),
    ],
)
async def test_a_turn_that_was_cut_off_is_no_answer_and_names_the_limit(
    limits: Limits, used: int, said: str
) -> None:
    cut = ModelResponse(AssistantMessage("The answer is"), ModelUsage(generated_tokens=used), "length")
    agent = Agent(ScriptedModel([cut]), limits=limits, settings=Settings(max_tokens=20))
    with pytest.raises(LimitExceededError, match=said) as caught:
        await agent.run("go")
    assert caught.value.messages[-1] == AssistantMessage("The answer is")
    assert len(caught.value.steps) == 1


async def hang_forever() -> None:
    await asyncio.Event().wait()


TWO_CALLS = [ToolCall("add", {"a": 1, "b": 2}), ToolCall("hang_forever", {})]
CUT = ModelResponse(AssistantMessage(calls=(ToolCall("add", {"a": 1, "b": 2}),)), finish_reason="length")


@pytest.mark.parametrize(
    ("script", "arguments", "results"),
    [
        (
            [TWO_CALLS],
            {"limits": Limits(deadline_s=0.02)},
            ["3", "interrupted: the deadline of 0.02 s is over; it may have taken effect"],
        ),
        ([TWO_CALLS], {"limits": Limits(max_tool_calls=1)}, ["not run: more than 1 tool calls"] * 2),
        ([CUT], {}, ["not run: the model's turn was cut off, at the model's own token limit"]),
        (
            [call(1, 2)],
            {"tool_choice": "hang_forever"},
            ["not run: model 'scripted' called add, but tool_choice is 'hang_forever'"],
        ),
        ([call(1, 2), ModelError("down")], {}, ["3"]),
        ([call(1, 2), GrammarError("no way")], {}, ["3"]),
        ([call(1, 2), CapacityError("full")], {}, ["3"]),
        ([call(1, 2), ZeroDivisionError()], {}, ["3"]),
        ([call(1, 2), "x", "x", "x"], {"output_type": int}, ["3"]),
    ],
)
async def test_an_interrupted_run_keeps_what_finished_and_its_conversation_goes_on(
    script: list[Answer], arguments: dict[str, Any], results: list[str]
) -> None:
    agent = Agent[None, Any](ScriptedModel(script), tools=[add, hang_forever], **arguments)
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(AgentFastError) as caught:
            await agent.run("go")
    step = caught.value.steps[0]
    said = [result.content for result in step.results]
    assert [json.loads(text)["error"] if "error" in text else text for text in said] == results
    more = await Agent(ScriptedModel(lambda _: "on")).run("more", history=caught.value.messages)
    assert more.messages[-1] == AssistantMessage("on")


async def test_a_cancelled_run_hands_over_its_conversation_with_the_cancellation() -> None:
    began = asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    agent = Agent(ScriptedModel([call(1, 2), ToolCall("hang", {})]), tools=[add, hang])
    task = asyncio.create_task(agent.run("go"))
    async with asyncio.timeout(BOUND_S):
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    messages, steps = vars(caught.value)["messages"], vars(caught.value)["steps"]
    assert [result.content for step in steps for result in step.results] == [
        "3",
        '{"error":"interrupted: the run was cancelled; it may have taken effect"}',
    ]
    assert read_history(messages)[0] == list(messages[1:])


@pytest.mark.parametrize("trimmed", [slice(-4, -1), slice(None), slice(0, 0)])
async def test_ids_of_calls_stay_unique_when_a_conversation_goes_on_from_a_piece(trimmed: slice) -> None:
    def answer(messages: Sequence[Message]) -> Answer:
        return "done" if isinstance(messages[-1], ToolMessage) else [call(1, 2), call(3, 4)]

    agent = Agent(ScriptedModel(answer), tools=[add])
    first = await agent.run("go")
    second = await agent.run("again", history=first.messages[trimmed])
    calls = [one.id for message in second.messages for one in getattr(message, "calls", ())]
    assert len(set(calls)) == len(calls)
    assert [message.call_id for message in second.messages if isinstance(message, ToolMessage)] == calls


async def test_a_deadline_stops_a_hanging_tool_and_a_hanging_model() -> None:
    stopped: list[str] = []

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("tool")

    async def hanging_model(messages: Sequence[Message]) -> str:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append("model")
        return "never"

    limits = Limits(deadline_s=0.02)
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(LimitExceededError, match="deadline") as caught:
            await Agent(ScriptedModel([ToolCall("hang", {})]), tools=[hang], limits=limits).run("go")
        with pytest.raises(LimitExceededError, match="deadline"):
            await Agent(ScriptedModel(hanging_model), limits=limits).run("go")
    assert stopped == ["tool", "model"]
    assert caught.value.messages[-1] == ToolMessage(
        '{"error":"interrupted: the deadline of 0.02 s is over; it may have taken effect"}',
        "hang",
        "call_0_0",
        is_error=True,
    )


async def test_a_deadline_while_a_model_tries_again_tells_of_its_last_failure() -> None:
    busy = ModelUnavailableError("status 503: overloaded")

    async def retrying(_: object) -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as cancelled:
            raise cancelled from busy
        raise AssertionError

    agent = Agent(ScriptedModel(retrying), limits=Limits(deadline_s=0.02))
    with pytest.raises(LimitExceededError) as caught:
        await agent.run("Hello.")
    said = "the deadline of 0.02 s is over; the model's last failure: status 503: overloaded"
    assert caught.value.message == said
    assert caught.value.__cause__ is busy


async def test_a_timeout_error_of_the_model_is_not_the_deadline() -> None:
    agent = Agent(ScriptedModel([TimeoutError("no route")]), limits=Limits(deadline_s=BOUND_S))
    with pytest.raises(ModelFaultError, match="no route"):
        await agent.run("go")


async def test_cancelling_a_run_stops_all_its_tools_and_no_other_run() -> None:
    started, stopped = 0, 0
    all_started, release = asyncio.Event(), asyncio.Event()

    async def wait(mine: bool) -> str:
        nonlocal started, stopped
        started += 1
        if started == 4:
            all_started.set()
        try:
            await release.wait()
        except asyncio.CancelledError:
            stopped += 1
            raise
        return "released"

    calls = [ToolCall("wait", {"mine": True}), ToolCall("wait", {"mine": False})]
    agent = Agent(ScriptedModel([calls, "done"]), tools=[wait])
    doomed, other = asyncio.create_task(agent.run("a")), asyncio.create_task(agent.run("b"))
    async with asyncio.timeout(BOUND_S):
        await all_started.wait()
        doomed.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doomed
        assert stopped == 2
        release.set()
        result = await other
    assert [tool_result.content for tool_result in result.steps[0].results] == ['"released"', '"released"']


async def test_a_stream_without_a_response_is_the_models_error() -> None:
    class Mute(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
            for event in list[ModelEvent]():
                yield event

    stream = Agent(Mute([])).stream("go")
    await anext(stream)
    await anext(stream)
    with pytest.raises(ModelError, match="without a response"):
        await anext(stream)


def raising() -> None:
    raise ValueError("broken")


async def hanging() -> None:
    await asyncio.Event().wait()


async def garbage() -> object:
    return object()


async def steady(n: int) -> int:
    await asyncio.sleep(0)
    return n * n


FAULTS: list[Callable[[], None] | Callable[[], Awaitable[object]]] = [raising, hanging, garbage]


async def test_faulty_runs_leave_the_others_as_they_were() -> None:
    def answer(messages: Sequence[Message]) -> str | ToolCall:
        turn = sum(isinstance(message, AssistantMessage) for message in messages)
        number = int(str(getattr(messages[1], "text", "0")))
        if turn == 3:
            return f"run {number}"
        if number % 4 and turn == 1:
            return ToolCall(FAULTS[number % 4 - 1].__name__, {})
        return ToolCall("steady", {"n": number + turn})

    agent = Agent(
        ScriptedModel(answer),
        tools=[steady, *(tool(fault, timeout=0.02) for fault in FAULTS)],
    )
    tasks = [asyncio.create_task(agent.run(str(number))) for number in range(32)]
    async with asyncio.timeout(BOUND_S):
        await asyncio.sleep(0)
        for number in range(1, 32, 8):
            tasks[number].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for number, outcome in enumerate(outcomes):
        if number % 8 == 1:
            assert isinstance(outcome, asyncio.CancelledError)
            continue
        assert not isinstance(outcome, BaseException)
        assert outcome.output == f"run {number}"
        contents = [step.results[0].content for step in outcome.steps[:3]]
        assert (contents[0], contents[2]) == (str(number**2), str((number + 2) ** 2))
        assert outcome.steps[1].results[0].is_error == bool(number % 4)


@given(st.lists(st.tuples(st.integers(0), st.integers(0)), unique=True, min_size=2, max_size=2))
def test_derived_seeds_differ_and_are_never_negative(parts: list[tuple[int, int]]) -> None:
    one, other = (derive_seed(seed, index) for seed, index in parts)
    assert one != other
    assert min(one, other) >= 0
