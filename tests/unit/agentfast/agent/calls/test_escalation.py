"""Escalation: when a stronger model is asked, whose answer counts, what it costs, and what its failures do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from agentfast import (
    Agent,
    AgentFastError,
    AssistantMessage,
    CallsProposed,
    Confidence,
    ConfigError,
    Escalate,
    Escalated,
    EscalationFailed,
    LimitExceededError,
    Limits,
    Message,
    Model,
    ModelError,
    ModelFaultError,
    ModelResponse,
    ModelUsage,
    RunFinished,
    ScriptedModel,
    Settings,
)
from agentfast.messages import assistant_turns
from tests.support.scripted_runs import BOUND_S, RecordingModel, add, call, turn_of


def adds(b: int, *, whole: float, lowest: float) -> ModelResponse:
    return turn_of(call(1, b, Confidence(whole, {"name": 1.0, "arguments.b": lowest})))


def model(*first: ModelResponse, name: str = "small") -> ScriptedModel:
    """Calls as told, then answers with the last result."""

    def script(messages: Sequence[Message]) -> ModelResponse | str:
        turn = assistant_turns(messages)
        return first[turn] if turn < len(first) else getattr(messages[-1], "content", "")

    return ScriptedModel(script, name=name)


UNSURE = model(adds(2, whole=0.5, lowest=0.7))
STRONG = model(adds(3, whole=0.1, lowest=0.1), name="strong")


async def test_a_doubtful_call_is_asked_again_and_the_stronger_models_is_run() -> None:
    result = await Agent(UNSURE, tools=[add], escalate=Escalate(STRONG)).run("go")
    assert result.output == "4"
    first, last = result.steps
    assert first.escalation is not None
    assert first.escalation.first.message.calls[0].arguments == {"a": 1, "b": 2}
    assert (first.escalation.confidence, first.escalation.failure) == (0.5, None)
    assert first.usage == ModelUsage(generated_tokens=20, canvases=2)
    assert last.escalation is None
    assert result.usage.escalations == 1
    assert result.usage.generated_tokens == 20
    spoken = [message for message in result.messages if isinstance(message, AssistantMessage)]
    assert [call.arguments["b"] for message in spoken for call in message.calls] == [3]


@pytest.mark.parametrize(
    ("escalate", "doubted"),
    [
        (Escalate(STRONG, below=0.5), False),
        (Escalate(STRONG, below=0.51), True),
        (Escalate(STRONG, below=0.7, measure="lowest"), False),
        (Escalate(STRONG, below=0.71, measure="lowest"), True),
        (Escalate(STRONG, below=1), True),
    ],
)
async def test_what_is_doubtful_is_a_matter_of_measure_and_threshold(
    escalate: Escalate, doubted: bool
) -> None:
    result = await Agent(UNSURE, tools=[add], escalate=escalate).run("go")
    assert result.output == ("4" if doubted else "3")
    assert result.usage.escalations == doubted


def test_a_turn_is_as_sure_as_its_least_sure_part() -> None:
    calls = [adds(1, whole=0.9, lowest=0.9), adds(2, whole=0.2, lowest=0.3)]
    message = AssistantMessage(calls=tuple(each.message.calls[0] for each in calls))
    assert Escalate(STRONG).doubt(message) == 0.2
    assert Escalate(STRONG, measure="lowest").doubt(message) == 0.3
    assert Escalate(STRONG).doubt(AssistantMessage("x", (), Confidence(0.1, {"": 0.2}))) == 0.1
    assert Escalate(STRONG, below=1).doubt(AssistantMessage("x")) is None


async def test_a_model_without_confidence_never_escalates() -> None:
    plain = ScriptedModel([call(1, 2), "done"])
    result = await Agent(plain, tools=[add], escalate=Escalate(STRONG, below=1)).run("go")
    assert result.usage.escalations == 0
    assert result.steps[0].message.calls[0].arguments["b"] == 2


async def test_a_doubtful_typed_answer_is_asked_again() -> None:
    unsure = ScriptedModel([AssistantMessage("1", (), Confidence(0.2, {"": 0.2}))])
    result = await Agent(unsure, output_type=int, escalate=Escalate(ScriptedModel(["2"]))).run("go")
    assert result.output == 2
    assert result.confidence is None  # the stronger model gives none


def cut_off(messages: Sequence[Message]) -> ModelResponse:
    return ModelResponse(AssistantMessage("…"), ModelUsage(generated_tokens=5), "length")


FAULTS: list[tuple[Model, type[AgentFastError]]] = [
    (ScriptedModel([ModelError("down")]), ModelError),
    (ScriptedModel([]), ModelError),
    (ScriptedModel(cut_off), LimitExceededError),
]


@pytest.mark.parametrize(("broken", "kind"), FAULTS)
async def test_if_the_stronger_model_fails_the_doubtful_answer_stands(
    broken: Model, kind: type[AgentFastError]
) -> None:
    result = await Agent(UNSURE, tools=[add], escalate=Escalate(broken)).run("go")
    assert result.output == "3"
    escalation = result.steps[0].escalation
    assert escalation is not None
    assert isinstance(escalation.failure, kind)


@pytest.mark.parametrize(("broken", "kind"), FAULTS)
async def test_or_its_error_is_raised_if_that_is_asked_for(broken: Model, kind: type[AgentFastError]) -> None:
    with pytest.raises(kind):
        await Agent(UNSURE, tools=[add], escalate=Escalate(broken, on_failure="raise")).run("go")


async def test_an_exception_that_is_no_models_failure_is_never_swallowed() -> None:
    broken = ScriptedModel([ZeroDivisionError("a bug")])
    with pytest.raises(ModelFaultError, match="ZeroDivisionError: a bug") as caught:
        await Agent(UNSURE, tools=[add], escalate=Escalate(broken)).run("go")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_the_stronger_model_gets_what_is_left_of_the_runs_tokens() -> None:
    strong = RecordingModel(lambda _: adds(3, whole=1, lowest=1))
    agent = Agent(
        UNSURE,
        tools=[add],
        limits=Limits(max_tokens=25),
        settings=Settings(max_tokens=20),
        escalate=Escalate(strong),
    )
    result = await agent.run("go")
    assert [request.max_tokens for request in strong.requests] == [15]
    assert result.usage.generated_tokens == 20


async def test_without_tokens_left_the_doubtful_answer_stands_and_the_limit_holds() -> None:
    agent = Agent(UNSURE, tools=[add], limits=Limits(max_tokens=10), escalate=Escalate(STRONG))
    with pytest.raises(LimitExceededError, match="no answer within 10 tokens") as caught:
        await agent.run("go")
    [step] = caught.value.steps
    assert step.escalation is not None
    assert isinstance(step.escalation.failure, LimitExceededError)
    assert step.results[0].content == "3"


async def test_the_deadline_holds_while_the_stronger_model_thinks() -> None:
    async def forever(messages: Sequence[Message]) -> str:
        await asyncio.Event().wait()
        return ""

    agent = Agent(
        UNSURE, tools=[add], limits=Limits(deadline_s=0.05), escalate=Escalate(ScriptedModel(forever))
    )
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(LimitExceededError, match="deadline"):
            await agent.run("go")


async def test_a_stream_tells_of_the_escalation_before_the_calls_that_are_made() -> None:
    agent = Agent(UNSURE, tools=[add], escalate=Escalate(STRONG))
    events = [event async for event in agent.stream("go")]
    escalated = next(event for event in events if isinstance(event, Escalated))
    assert (escalated.step, escalated.confidence) == (0, 0.5)
    assert escalated.message.calls[0].arguments["b"] == 2
    proposed = next(event for event in events if isinstance(event, CallsProposed))
    assert events.index(escalated) < events.index(proposed)
    assert proposed.calls[0].arguments["b"] == 3
    assert isinstance(events[-1], RunFinished)


async def test_a_stream_tells_of_a_failed_escalation() -> None:
    broken = ScriptedModel([ModelError("down")])
    agent = Agent(UNSURE, tools=[add], escalate=Escalate(broken))
    events = [event async for event in agent.stream("go")]
    assert EscalationFailed(0, "down") in events


async def test_the_runs_of_a_map_escalate_each_for_itself() -> None:
    def script(messages: Sequence[Message]) -> ModelResponse | str:
        if assistant_turns(messages):
            return getattr(messages[-1], "content", "")
        sure = 0.9 if "sure" in getattr(messages[-1], "text", "") else 0.1
        return adds(2, whole=sure, lowest=sure)

    agent = Agent(ScriptedModel(script), tools=[add], escalate=Escalate(STRONG))
    results = await agent.map(["sure", "doubt", "sure"])
    assert [result.output for result in results] == ["3", "4", "3"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"below": 0}, "below"),
        ({"below": 1.1}, "below"),
        ({"below": float("nan")}, "below"),
        ({"measure": "mean"}, "measure"),
        ({"on_failure": "ignore"}, "on_failure"),
        ({"to": "gpt"}, "a model"),
    ],
)
def test_misuse_is_refused_at_once(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        Escalate(**dict[str, Any](to=STRONG) | arguments)


def test_a_model_cannot_escalate_to_itself() -> None:
    with pytest.raises(ConfigError, match="itself"):
        Agent(STRONG, escalate=Escalate(STRONG))
