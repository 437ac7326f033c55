"""Fallback: which model answers, which failures lead on, and what was shown before."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    AbortedError,
    Agent,
    AllModelsFailedError,
    AssistantMessage,
    CanvasState,
    CheapThenStrong,
    ConfigError,
    EngineError,
    FirstThatWorks,
    Model,
    ModelError,
    ModelFaultError,
    ModelRequest,
    ModelResponse,
    ModelUnavailableError,
    ModelUsage,
    OpenAIModel,
    Price,
    QueueFullError,
    RecordingModel,
    Router,
    RunFinished,
    ScriptedModel,
    TextChunk,
    TextDelta,
    TurnGenerated,
    UserMessage,
)
from tests.support.scripted_runs import CountingModel, StreamingModel
from tests.support.servers.openai_server import Server, delta, drop, events, reply, turn

ASK = ModelRequest([UserMessage("Hello.")])
DOWN = ModelUnavailableError("down", hint="wait")
HI = ModelResponse(AssistantMessage("Hi."), ModelUsage(generated_tokens=2))


def works(name: str = "good") -> ScriptedModel:
    return ScriptedModel([HI], name=name)


def fails(error: Exception = DOWN, name: str = "bad") -> ScriptedModel:
    return ScriptedModel([error], name=name)


@pytest.mark.parametrize("error", [DOWN, ModelError("refused"), QueueFullError("full"), EngineError("gone")])
async def test_the_next_model_answers_where_one_fails(error: Exception) -> None:
    model = FirstThatWorks(fails(error), works())
    response = await model.respond(ASK)
    assert (response.message.text, response.model) == ("Hi.", "good")
    assert [event async for event in model.stream(ASK)] == [response]
    assert model.name == "bad or good"


async def test_the_first_model_that_works_is_the_last_one_asked() -> None:
    unasked = StreamingModel(HI)
    await FirstThatWorks(works(), unasked).respond(ASK)
    _ = [event async for event in FirstThatWorks(works(), unasked).stream(ASK)]
    assert unasked.requests == []


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_whichever_fail_the_first_that_works_answers_or_the_error_has_all(outcomes: list[bool]) -> None:
    models = [
        works(str(at)) if good else fails(ModelError(f"no {at}"), str(at)) for at, good in enumerate(outcomes)
    ]

    async def both_ways() -> None:
        model = FirstThatWorks(*models)
        if any(outcomes):
            expected = str(outcomes.index(True))
            assert (await model.respond(ASK)).model == expected
            (streamed,) = [event async for event in model.stream(ASK)]
            assert isinstance(streamed, ModelResponse)
            assert streamed.model == expected
            return
        for ask in (model.respond(ASK), anext(model.stream(ASK))):
            with pytest.raises(AllModelsFailedError) as caught:
                await ask
            assert [str(error) for error in caught.value.errors] == [f"no {at}" for at in range(len(models))]

    asyncio.run(both_ways())


async def test_the_last_error_tells_of_all() -> None:
    with pytest.raises(AllModelsFailedError) as caught:
        await Agent(FirstThatWorks(fails(ModelError("refused"), "a"), fails(name="b"))).run("Hi.")
    error = caught.value
    assert error.message == "no model could answer: a: refused; b: down"
    assert (error.hint, error.__cause__) == ("wait", DOWN)
    assert error.messages == (UserMessage("Hi."),)


@pytest.mark.parametrize(
    "error", [AbortedError("stopped"), ModelFaultError("bug"), ConfigError("bad"), ZeroDivisionError("bug")]
)
async def test_bugs_mistakes_and_aborts_are_the_turns(error: Exception) -> None:
    with pytest.raises(type(error)):
        await FirstThatWorks(fails(error), works()).respond(ASK)


def says_refused(error: Exception) -> bool:
    return "refused" in str(error)


def is_of_nobody(error: Exception) -> bool:
    return False


ON: list[tuple[Any, bool]] = [
    (ModelUnavailableError, False),
    ([ModelUnavailableError, EngineError], False),
    ((ModelError, OSError), True),
    (says_refused, True),
    (is_of_nobody, False),
]


@pytest.mark.parametrize(("on", "leads_on"), ON)
async def test_which_failures_lead_on_is_an_option(on: Any, leads_on: bool) -> None:
    model = FirstThatWorks(fails(ModelError("refused")), works(), on=on)
    if leads_on:
        assert (await model.respond(ASK)).model == "good"
    else:
        with pytest.raises(ModelError, match="refused"):
            await model.respond(ASK)


async def test_a_stream_goes_on_with_the_next_model_while_only_drafts_were_shown() -> None:
    draft = CanvasState(0, 1, ("Hel",), (True,), committed=False)
    first = StreamingModel(draft, DOWN)
    shown = [event async for event in FirstThatWorks(first, StreamingModel(TextChunk("Hi."), HI)).stream(ASK)]
    assert shown[:2] == [draft, TextChunk("Hi.")]
    assert first.closed == 1


@pytest.mark.parametrize("event", [TextChunk("Hel"), CanvasState(0, 1, ("Hel",), (True,), committed=True)])
async def test_a_stream_of_which_a_part_stands_is_not_begun_anew(event: Any) -> None:
    second = StreamingModel(HI)
    with pytest.raises(ModelUnavailableError, match="down") as caught:
        _ = [each async for each in FirstThatWorks(StreamingModel(event, DOWN), second).stream(ASK)]
    assert "had been shown already" in "".join(traceback.format_exception(caught.value))
    assert second.requests == []


async def test_a_stream_without_a_response_leads_on() -> None:
    shown = [event async for event in FirstThatWorks(StreamingModel(), works()).stream(ASK)]
    assert isinstance(shown[-1], ModelResponse)


WRAPPED: list[Callable[[Model], Model]] = [
    FirstThatWorks,
    lambda part: Router(lambda _: part, [part]),
    lambda part: CheapThenStrong(part, works()),
    lambda part: RecordingModel(part, "unused"),
]


@pytest.mark.parametrize("made", WRAPPED)
async def test_leaving_a_stream_closes_that_of_the_part(made: Callable[[Model], Model]) -> None:
    inner = StreamingModel(TextChunk("Hi."), HI)
    stream: Any = made(inner).stream(ASK)
    await anext(stream)
    await stream.aclose()
    assert inner.closed == 1


async def test_the_name_of_who_answered_is_in_the_events() -> None:
    agent = Agent(FirstThatWorks(fails(), works()))
    named = [event.model async for event in agent.stream("Hi.") if isinstance(event, TurnGenerated)]
    assert named == ["good"]


async def test_servers_stand_in_for_each_other() -> None:
    broken, sound = Server(usual=drop), Server(usual=reply(turn({"content": "Hi."})))
    try:
        model = FirstThatWorks(broken.model(max_retries=0), sound.model())
        async with model:
            assert (await Agent(model).run("Hello.")).output == "Hi."
            sound.replies = [events(delta({"content": "Hel"}), delta({"content": "lo."}, "stop"))]
            seen = [event async for event in Agent(model).stream("Hello.")]
        assert [event for event in seen if isinstance(event, TextDelta)] == [
            TextDelta(0, "Hel"),
            TextDelta(0, "lo."),
        ]
        assert isinstance(seen[-1], RunFinished)
        await asyncio.to_thread(sound.wait_until_nobody_is_connected)
        assert len(broken.asked) == 2
    finally:
        broken.close()
        sound.close()


def test_tokens_are_counted_by_the_part_to_which_they_are_most() -> None:
    model = FirstThatWorks(CountingModel(3), works(), CountingModel(5))
    assert model.count_tokens([UserMessage("a"), UserMessage("b")]) == 10
    assert not hasattr(FirstThatWorks(works()), "count_tokens")


def test_the_price_is_the_highest_and_there_is_none_without_one() -> None:
    parts = [
        StreamingModel(price=Price(input=1, output=9)),
        works(),
        StreamingModel(price=Price(input=2, output=3)),
    ]
    assert FirstThatWorks(*parts).price == Price(input=2, output=9)
    assert FirstThatWorks(works()).price is None


class Picky(StreamingModel):
    def check(self, rules: object, unenforced: object) -> None:
        raise ConfigError("not me")


def test_each_part_checks_the_rules_of_an_agent() -> None:
    with pytest.raises(ConfigError, match="not me"):
        Agent(FirstThatWorks(works(), Picky()))


@pytest.mark.parametrize(
    ("models", "options", "said"),
    [
        ((), {}, "FirstThatWorks has no model"),
        (("gpt",), {}, "model 0 of FirstThatWorks is 'gpt'"),
        ((works(), OpenAIModel), {}, "model 1 of FirstThatWorks is"),
        ((works(),), {"on": "errors"}, "on is 'errors'"),
        ((works(),), {"on": int}, "on is the class int"),
        ((works(),), {"on": []}, "on is"),
        ((works(),), {"name": 3}, "name is 3"),
    ],
    ids=range(7),
)
def test_misuse_is_refused_at_once(models: tuple[Model, ...], options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        FirstThatWorks(*models, **options)
