"""Routing: a function chooses the model of each turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agentfast import (
    Agent,
    CheapThenStrong,
    ConfigError,
    FirstThatWorks,
    Message,
    Model,
    ModelError,
    ModelRequest,
    ModelResponse,
    Price,
    Router,
    ScriptedModel,
    TextChunk,
    UserMessage,
)
from agentfast.messages import AssistantMessage, assistant_turns
from tests.support.scripted_runs import StreamingModel, add, call

ASK = ModelRequest([UserMessage("Hello.")])
SMALL = ScriptedModel(["small"], name="small", price=Price(input=1, output=5))
BIG = ScriptedModel(["big"], name="big", price=Price(input=2, output=3))


async def chosen_later(request: ModelRequest) -> str:
    return "big"


CHOOSE: list[Callable[[ModelRequest], Any]] = [lambda _: "big", lambda _: BIG, chosen_later]


@pytest.mark.parametrize("choose", CHOOSE)
@pytest.mark.parametrize("models", [[SMALL, BIG], {"small": SMALL, "big": BIG}], ids=["list", "names"])
async def test_the_chosen_model_answers(choose: Any, models: Any) -> None:
    model = Router(choose, models)
    response = await model.respond(ASK)
    assert (response.message.text, response.model) == ("big", "big")
    assert [event async for event in model.stream(ASK)] == [response]
    assert model.price == Price(input=2, output=5)


async def test_a_conversation_may_change_models() -> None:
    def script(messages: Any) -> Any:
        return "3" if assistant_turns(messages) else call(1, 2)

    parts = {"first": ScriptedModel(script), "later": ScriptedModel(script)}
    router = Router(lambda request: "later" if assistant_turns(request.messages) else "first", parts)
    result = await Agent(router, tools=[add]).run("go")
    assert result.output == "3"


async def test_the_events_of_the_chosen_model_are_shown() -> None:
    part = StreamingModel(TextChunk("Hi."), ModelResponse(AssistantMessage("Hi.")))
    shown = [event async for event in Router(lambda _: part, [part]).stream(ASK)]
    assert shown[0] == TextChunk("Hi.")


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ("bigg", "router chose 'bigg' .*'small', 'big' .*did you mean big"),
        (ScriptedModel([]), "router chose"),
        (None, "router chose None"),
    ],
)
async def test_a_choice_that_is_none_of_the_models_is_refused(choice: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        await Router(lambda _: choice, [SMALL, BIG]).respond(ASK)


@pytest.mark.parametrize(
    ("choose", "models", "said"),
    [
        ("big", [SMALL], "choose is 'big'"),
        (chosen_later, [], "models is empty"),
        (chosen_later, ["gpt"], "is 'gpt'"),
        (chosen_later, {1: SMALL}, "the name of a model is 1"),
        (chosen_later, [SMALL, ScriptedModel([], name="small")], "two models have the name 'small'"),
        (chosen_later, SMALL, "models is"),
    ],
    ids=range(6),
)
def test_misuse_is_refused_at_once(choose: Any, models: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Router(choose, models)


async def test_compositions_nest() -> None:
    broken: Model = ScriptedModel([ModelError("down")], name="broken")
    inner = CheapThenStrong(FirstThatWorks(broken, SMALL), BIG)
    model = Router(lambda _: inner, [inner, BIG])
    assert (await model.respond(ASK)).model == "small"
    assert model.price == Price(input=3, output=8)
    messages: list[Message] = [UserMessage("Hi.")]
    assert (await Agent(model).run("Hi.")).messages[:1] == tuple(messages)
