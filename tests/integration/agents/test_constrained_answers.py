"""Answers that are no JSON, and tool choices, end to end: on random weights, and on the embedded model."""

from __future__ import annotations

import asyncio
import importlib
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agentfast import (
    Agent,
    AssistantMessage,
    Grammar,
    LocalModel,
    ModelError,
    ScriptedModel,
    Settings,
    ToolCall,
    nano,
    tool,
)
from agentfast.agent.agent import AnyTool
from agentfast.agent.result import RunResult
from agentfast.chat.json import WRITTEN_CALL, JsonChat
from agentfast.errors import ConfigError
from tests.support.tiny_engine import tiny_engine

BOUND_S = 60
SETTINGS = Settings(max_tokens=64, max_calls=2)
dsl: Any = importlib.import_module("outlines.types.dsl")


@tool
def get_order(id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": "shipped"}


@tool
def count_orders(status: str) -> int:
    """Counts the orders with a status."""
    return len(status)


TOOLS: list[AnyTool] = [get_order, count_orders]


@pytest.fixture
async def random_model() -> AsyncIterator[LocalModel]:
    async with tiny_engine() as engine, asyncio.timeout(BOUND_S):
        yield LocalModel(engine, JsonChat())
        engine.check_integrity()


@pytest.fixture
async def embedded_model() -> AsyncIterator[LocalModel]:
    async with nano.load() as model, asyncio.timeout(BOUND_S):
        yield model


def called(result: RunResult[Any]) -> list[list[str]]:
    """Names of the tools that were called, by turn."""
    turns = [message for message in result.messages if isinstance(message, AssistantMessage)]
    return [[call.name for call in turn.calls] for turn in turns]


async def test_a_random_model_answers_in_the_form_that_was_asked_for(random_model: LocalModel) -> None:
    plate = re.compile(r"[A-Z]{1,3}-\d{2,4}")
    for result in await Agent(random_model, output_type=plate, settings=SETTINGS).map(["plate"] * 8):
        assert plate.fullmatch(result.output)
    coins = dsl.Choice([1, 2, 5])
    for coin in await Agent(random_model, output_type=coins, settings=SETTINGS).map(["coin"] * 8):
        assert coin.output in (1, 2, 5)
    report = (
        "total: " + dsl.json_schema({"type": "integer", "minimum": 10, "maximum": 99}) + dsl.optional(" EUR")
    )
    for text in await Agent(random_model, output_type=report, settings=SETTINGS).map(["total"] * 8):
        assert re.fullmatch(r"total: [1-9][0-9]( EUR)?", text.output)
    schema = {"type": "array", "items": {"enum": ["a", 1]}, "minItems": 1, "maxItems": 2}
    for values in await Agent(random_model, output_type=schema, settings=SETTINGS).map(["list"] * 8):
        assert set(values.output) <= {"a", 1}


async def test_an_answer_of_a_form_may_stand_beside_tools(random_model: LocalModel) -> None:
    choice = Grammar.from_choices(["yes", "no"])
    agent = Agent(random_model, tools=TOOLS, output_type=choice, tool_choice="required", settings=SETTINGS)
    for result in await agent.map(["go"] * 6):
        assert called(result)[0]
        assert result.output in ("yes", "no")


@pytest.mark.parametrize("choice", ["required", "get_order", "count_orders"])
async def test_a_random_model_calls_what_was_chosen_and_is_free_afterwards(
    random_model: LocalModel, choice: str
) -> None:
    agent = Agent(random_model, tools=TOOLS, tool_choice=choice, settings=SETTINGS)
    for result in await agent.map(["go"] * 8):
        first, *later = called(result)
        assert first if choice == "required" else first == [choice]
        assert later[-1] == []


async def test_a_random_model_calls_nothing_if_it_must_not(random_model: LocalModel) -> None:
    agent = Agent(random_model, tools=TOOLS, tool_choice="none", settings=Settings(max_tokens=8))
    assert {len(result.steps) for result in await agent.map(["go"] * 8)} == {1}


async def test_the_embedded_model_follows_a_tool_choice(embedded_model: LocalModel) -> None:
    question = "What is the status of order 1042?"

    async def turns(choice: str) -> list[list[str]]:
        agent = Agent(embedded_model, tools=TOOLS, instructions="You run the order desk.", tool_choice=choice)
        return called(await agent.run(question))

    assert await turns("auto") == [["get_order"], []]
    assert await turns("none") == [[]]
    assert (await turns("required"))[0] == ["get_order"]
    assert (await turns("count_orders"))[0] == ["count_orders"]


async def test_the_embedded_model_answers_by_a_choice(embedded_model: LocalModel) -> None:
    agent = Agent(
        embedded_model,
        tools=[get_order],
        instructions="You run the order desk.",
        output_type=Grammar.from_choices(["The status is shipped.", "The status is open."]),
    )
    result = await agent.run("What is the status of order 1042?")
    assert called(result) == [["get_order"], []]
    assert result.output == "The status is shipped."


@pytest.mark.parametrize("choice", ["get_orders", "required"])
def test_a_tool_that_is_not_there_cannot_be_chosen(choice: str) -> None:
    tools: list[AnyTool] = TOOLS if choice == "get_orders" else []
    with pytest.raises(ConfigError, match=r"did you mean get_order|the agent has no tools"):
        Agent(ScriptedModel([]), tools=tools, tool_choice=choice)


@pytest.mark.parametrize(
    ("choice", "answer"),
    [
        ("none", ToolCall("get_order", {"id": 1})),
        ("required", "No."),
        ("get_order", ToolCall("count_orders", {"status": "open"})),
    ],
)
async def test_a_model_that_does_not_follow_the_choice_is_in_error(
    choice: str, answer: str | ToolCall
) -> None:
    agent = Agent(ScriptedModel([answer]), tools=TOOLS, tool_choice=choice)
    with pytest.raises(ModelError, match=f"tool_choice is '{choice}'"):
        await agent.run("go")


def test_no_spacing_makes_a_written_call_a_text_beside_tools() -> None:
    text = Grammar.text(without_match=WRITTEN_CALL)
    for call in ('{"name":"f"', 'so: { "name": "f"}', '{\n  "name" : "f"'):
        assert not text.accepts(call)
    for answer in ("", 'The "name": is fine.', "{name}", '{"names":1}'):
        assert text.accepts(answer)
