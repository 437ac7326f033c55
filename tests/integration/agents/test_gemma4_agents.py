"""Agents in Gemma 4's chat format on random weights: every native call is valid, in any order of turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from agentfast import Agent, AssistantMessage, LocalModel, Message, Settings, ToolMessage, tool
from agentfast.agent.agent import AnyTool
from agentfast.chat.gemma4 import SPECIAL_TOKENS, TURN, Gemma4Chat
from agentfast.runtime.scheduling.request import Request
from agentfast.tools import as_tool
from tests.support.byte_tokenizer import byte_tokenizer
from tests.support.tiny_engine import tiny_engine

BOUND_S = 120
SETTINGS = Settings(max_tokens=160, max_calls=2)
TOKENIZER = byte_tokenizer(SPECIAL_TOKENS, ("<turn|>", "<|tool_response>"))
Word = Annotated[str, Field(max_length=4)]


class Order(BaseModel):
    id: Annotated[int, Field(ge=0, le=999)]
    status: Literal["open", "shipped"]
    note: Word | None = None


@tool
def find(
    id: Annotated[int, Field(ge=10, le=999)], tags: Annotated[list[Word], Field(max_length=2)]
) -> list[str]:
    """Find an order."""
    return tags


@tool
async def store(order: Order, price: float, urgent: bool = False) -> dict[str, Any]:
    """Store an order."""
    return {"status": order.status, "price": price}


TOOLS: list[AnyTool] = [find, store]


@pytest.fixture
def requests() -> list[Request]:
    return []


@pytest.fixture(params=[False, True], ids=["without thinking", "thinking"])
async def model(requests: list[Request], request: pytest.FixtureRequest) -> AsyncIterator[LocalModel]:
    async with tiny_engine(requests.append, TOKENIZER) as engine, asyncio.timeout(BOUND_S):
        yield LocalModel(engine, Gemma4Chat(thinking=request.param))
        engine.check_integrity()


def check_calls(messages: Sequence[Message]) -> list[str]:
    """Every call matches its tool's schema, and no tool had to refuse its arguments; returns their names."""
    schemas = {made.name: made.parameters for made in map(as_tool, TOOLS)}
    calls = [call for message in messages if isinstance(message, AssistantMessage) for call in message.calls]
    for call in calls:
        jsonschema.Draft202012Validator(schemas[call.name]).validate(call.arguments)
    assert not any(message.is_error for message in messages if isinstance(message, ToolMessage))
    return [call.name for call in calls]


@pytest.mark.parametrize("choice", ["required", "find", "store"])
async def test_every_native_call_of_a_random_model_is_valid(model: LocalModel, choice: str) -> None:
    agent = Agent(model, tools=TOOLS, tool_choice=choice, settings=SETTINGS)
    for result in await agent.map(["go"] * 8):
        called = check_calls(result.messages)
        assert called
        assert choice == "required" or called[0] == choice


async def test_a_models_turn_goes_on_over_its_calls(model: LocalModel, requests: list[Request]) -> None:
    agent = Agent(model, tools=TOOLS, tool_choice="find", settings=Settings(max_tokens=120, max_calls=1))
    result = await agent.run("go")
    assert len(result.steps) >= 2
    opened = [request.prompt.count(TOKENIZER.special(TURN)) for request in requests]
    assert set(opened) == {3}  # of the system, of the user, and one of the model
    first, second = (TOKENIZER.decode(request.prompt, skip_special=False) for request in requests[:2])
    assert second.startswith(first)
    assert "<|tool_call>call:find{id:" in second[len(first) :]
    assert second.endswith("<tool_response|>")


async def test_an_answer_may_have_a_type_beside_native_calls(model: LocalModel) -> None:
    agent = Agent(model, tools=TOOLS, output_type=Order, tool_choice="store", settings=SETTINGS)
    for result in await agent.map(["go"] * 4):
        assert isinstance(result.output, Order)
        assert check_calls(result.messages)[0] == "store"
