"""A stronger model for doubtful turns, as a model: whose answer counts, what is shown of it, and what it costs."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    Agent,
    AssistantMessage,
    CanvasState,
    CheapThenStrong,
    Confidence,
    ConfigError,
    Escalate,
    Limits,
    ModelError,
    ModelFaultError,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    Price,
    ScriptedModel,
    TextChunk,
    UserMessage,
)
from agentfast.models.base import FinishReason
from agentfast.tools.call import ToolDefinition
from tests.support.scripted_runs import StreamingModel, add, call

ADD = ToolDefinition("add", "Adds.", {"type": "object"})
ASK = ModelRequest([UserMessage("Hello.")], tools=(ADD,))


def turn(
    b: int = 2,
    sure: float | None = None,
    *,
    lowest: float = 1.0,
    reason: FinishReason = "stop",
    cost: float | None = None,
) -> ModelResponse:
    confidence = None if sure is None else Confidence(sure, {"arguments.b": lowest})
    usage = ModelUsage(prompt_tokens=5, generated_tokens=10, cost=cost)
    return ModelResponse(AssistantMessage(calls=(call(1, b, confidence),)), usage, reason)


def cheap(*before: Any, sure: float = 0.5, **more: Any) -> StreamingModel:
    return StreamingModel(*before, turn(2, sure, **more), name="cheap")


def strong(*before: Any, **more: Any) -> StreamingModel:
    return StreamingModel(*before, turn(3, **more), name="strong")


def added(response: object) -> int:
    assert isinstance(response, ModelResponse)
    return int(response.message.calls[0].arguments["b"])


async def test_a_doubtful_turn_is_the_strong_models_and_a_sure_one_the_cheap_models() -> None:
    response = await CheapThenStrong(cheap(), strong()).respond(ASK)
    assert (added(response), response.model) == (3, "strong")
    assert response.usage == ModelUsage(prompt_tokens=10, generated_tokens=20)
    second = strong()
    response = await CheapThenStrong(cheap(sure=0.9), second).respond(ASK)
    assert (added(response), response.model) == (2, "cheap")
    assert response.usage.generated_tokens == 10
    assert second.requests == []


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.01, 1), st.sampled_from(["whole", "lowest"]))
def test_it_decides_as_escalation_does(whole: float, lowest: float, below: float, measure: Any) -> None:
    first = turn(2, whole, lowest=lowest)

    async def both() -> None:
        small = ScriptedModel([first, "done"])
        big = ScriptedModel([turn(3), "done"])
        composed = await Agent(
            CheapThenStrong(small, big, below=below, measure=measure), tools=[add], doubt=None
        ).run("go")
        escalated = await Agent(
            small, tools=[add], doubt=None, escalate=Escalate(big, below=below, measure=measure)
        ).run("go")
        assert composed.messages == escalated.messages
        assert composed.usage.generated_tokens == escalated.usage.generated_tokens

    asyncio.run(both())


async def test_the_cheap_model_is_asked_for_its_confidence() -> None:
    small = cheap()
    await CheapThenStrong(small, strong()).respond(ModelRequest(ASK.messages, (ADD,), confidence=False))
    assert small.requests[0].confidence


FAULTS = [
    (StreamingModel(ModelError("down")), "down"),
    (strong(reason="length"), "cut off at its token limit"),
    (StreamingModel(ModelResponse(AssistantMessage("x"))), "called no tool, but tool_choice is 'required'"),
]
REQUIRED = ModelRequest(ASK.messages, (ADD,), tool_choice="required")


@pytest.mark.parametrize(("broken", "said"), FAULTS, ids=range(len(FAULTS)))
async def test_if_the_strong_model_fails_the_doubtful_turn_stands_or_the_error_is_raised(
    broken: StreamingModel, said: str
) -> None:
    kept = CheapThenStrong(cheap(), broken)
    assert added(await kept.respond(REQUIRED)) == 2
    assert added([event async for event in kept.stream(REQUIRED)][-1]) == 2
    raised = CheapThenStrong(cheap(), broken, on_failure="raise")
    with pytest.raises(ModelError, match=said):
        await raised.respond(REQUIRED)
    with pytest.raises(ModelError, match=said):
        _ = [event async for event in raised.stream(REQUIRED)]


async def test_a_bug_of_the_strong_model_is_not_kept_quiet() -> None:
    model = CheapThenStrong(cheap(), ScriptedModel([ZeroDivisionError("a bug")]))
    with pytest.raises(ModelFaultError, match="a bug"):
        await Agent(model, tools=[add], doubt=None).run("go")


async def test_both_turns_keep_to_the_requests_tokens_together() -> None:
    big = strong()
    model = CheapThenStrong(cheap(), big)
    await model.respond(ModelRequest(ASK.messages, (ADD,), max_tokens=25))
    assert big.requests[0].max_tokens == 15
    assert added(await model.respond(ModelRequest(ASK.messages, (ADD,), max_tokens=10))) == 2
    assert len(big.requests) == 1
    with pytest.raises(ModelError, match="left none of the 10 tokens"):
        await CheapThenStrong(cheap(), big, on_failure="raise").respond(
            ModelRequest(ASK.messages, (ADD,), max_tokens=10)
        )


DRAFT = CanvasState(0, 1, ("Hel",), (True,), committed=False)


async def test_a_stream_shows_drafts_and_no_text_that_may_not_stand() -> None:
    small, big = cheap(TextChunk("So: "), DRAFT), strong(TextChunk("Well: "))
    *shown, last = [event async for event in CheapThenStrong(small, big).stream(ASK)]
    assert (shown, added(last)) == ([DRAFT], 3)
    assert isinstance(last, ModelResponse)
    assert last.usage.generated_tokens == 20
    live = CheapThenStrong(small, big, on_failure="raise")
    *shown, last = [event async for event in live.stream(ASK)]
    assert (shown, added(last)) == ([DRAFT, TextChunk("Well: ")], 3)
    assert isinstance(last, ModelResponse)
    assert (last.usage.generated_tokens, last.model) == (20, "strong")


async def test_text_that_cannot_be_doubtful_is_shown_as_it_comes() -> None:
    small = StreamingModel(
        TextChunk("H"), TextChunk("i."), ModelResponse(AssistantMessage("Hi.")), name="small"
    )
    model = CheapThenStrong(small, strong())
    *shown, last = [event async for event in model.stream(ModelRequest(ASK.messages))]
    assert shown == [TextChunk("H"), TextChunk("i.")]
    assert isinstance(last, ModelResponse)
    assert last.model == "small"


async def test_each_part_costs_its_own_price_and_a_turn_may_cost_both() -> None:
    small = ScriptedModel([turn(2, 0.5), "done"], price=Price(input=1e6, output=1e5))
    big = ScriptedModel([turn(3)], price=Price(input=2e6, output=3e5))
    model = CheapThenStrong(small, big)
    result = await Agent(model, tools=[add], doubt=None).run("go")
    assert result.usage.cost == pytest.approx((5 + 1) + (10 + 3))
    assert model.price == Price(input=3e6, output=4e5)


async def test_an_agent_keeps_its_limit_of_tokens() -> None:
    model = CheapThenStrong(ScriptedModel([turn(2, 0.5), "done"]), ScriptedModel([turn(3)]))
    result = await Agent(model, tools=[add], doubt=None, limits=Limits(max_tokens=25)).run("go")
    assert result.usage.generated_tokens == 20
    assert result.steps[0].message.calls[0].arguments["b"] == 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"below": 0}, r"CheapThenStrong\(below"),
        ({"measure": "mean"}, r"CheapThenStrong\(measure"),
        ({"on_failure": "ignore"}, r"CheapThenStrong\(on_failure"),
        ({"strong": "gpt"}, "strong is 'gpt'"),
        ({"cheap": None}, "cheap is None"),
        ({"name": 3}, "name is 3"),
    ],
)
def test_misuse_is_refused_at_once(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CheapThenStrong(**dict[str, Any](cheap=cheap(), strong=strong()) | options)


def test_one_model_cannot_be_both() -> None:
    model = cheap()
    with pytest.raises(ConfigError, match="both cheap and strong"):
        CheapThenStrong(model, model)
