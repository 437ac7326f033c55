"""Inferred types of agents and tools: checked by mypy and pyright, never run."""

from __future__ import annotations

import re
from typing import Any, Literal, Optional, assert_type

from pydantic import BaseModel

from agentfast import (
    Agent,
    AssistantMessage,
    Escalate,
    FunctionTool,
    Grammar,
    LimitExceededError,
    Message,
    ModelError,
    OutputError,
    RunContext,
    RunFinished,
    RunResult,
    ScriptedModel,
    UserMessage,
    tool,
)
from agentfast.tools import FunctionToolset, Tool, Toolset, combine
from agentfast.tools.toolsets.combining import BaseToolset


class City(BaseModel):
    """An output type."""

    name: str


@tool
def add(a: int, b: int = 1) -> int:
    """A sync tool."""
    return a + b


@tool(timeout=5)
async def greet(name: str) -> str:
    """An async tool."""
    return name


model = ScriptedModel(["hello"])
assert_type(Agent(model), Agent[None, str])
assert_type(Agent(model, tools=[add, greet, print]), Agent[None, str])
assert_type(Agent(model, output_type=City), Agent[None, City])
assert_type(Agent(model, output_type=City, escalate=Escalate(ScriptedModel(["hello"]))), Agent[None, City])
assert_type(Agent(model, output_type=list[int]), Agent[None, list[int]])
assert_type(Agent(model, output_type=int | str), Agent[None, int | str])
assert_type(Agent(model, output_type=Literal["a", "b"]), Agent[None, Literal["a", "b"]])
assert_type(Agent(model, output_type=re.compile("a|b")), Agent[None, str])
assert_type(Agent(model, output_type=Grammar.from_choices(["a", "b"])), Agent[None, str])
assert_type(add(1), int)
add_tool: FunctionTool[..., int] = add


@tool
async def place(context: RunContext[City], number: int) -> str:
    """A tool that takes a context."""
    return context.deps.name * number


async def instruct(context: RunContext[City]) -> str:
    """Instructions that take a context."""
    return context.deps.name


def validate(context: RunContext[City], number: int) -> int:
    """An output validator that takes a context."""
    return number


def check_number(number: int) -> int:
    """An output validator that takes none."""
    return number


assert_type(Agent(model, output_type=Optional[int]), Agent[None, int | None])  # noqa: UP045
assert_type(Agent(model, deps_type=City), Agent[City, str])
assert_type(
    Agent(
        model,
        tools=[place, add, print],
        deps_type=City,
        output_type=int,
        instructions=[instruct, "Be brief."],
        output_validators=[validate, check_number],
    ),
    Agent[City, int],
)
Agent(model, tools=[place])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
Agent(model, tools=[place], deps_type=int)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
Agent(model, instructions=instruct, deps_type=int)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def contexts() -> None:
    """Deps are of the agent's type."""
    agent = Agent(model, tools=[place], deps_type=City)
    assert_type(await agent.run("a", deps=City(name="Oslo")), RunResult[str])
    await agent.run("a", deps=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def runs() -> None:
    """Results, streams and maps carry the output type."""
    agent = Agent(model, output_type=City)
    assert_type(await agent.run("a"), RunResult[City])
    assert_type(agent.run_sync("a").output, City)
    assert_type(await agent.map(["a"]), list[RunResult[City]])
    assert_type(await agent.map(["a"], return_exceptions=True), list[RunResult[City] | Exception])
    assert_type(await greet("a"), str)
    async for event in agent.stream("a"):
        if isinstance(event, RunFinished):
            assert_type(event.result.output, City)
    try:
        await agent.run("a")
    except LimitExceededError as error:
        assert_type([step.model_s for step in error.steps], list[float])


async def histories() -> None:
    """Histories are messages or OpenAI-style dicts, and errors carry the former."""
    agent = Agent(model)
    await agent.run("a", history=[UserMessage("a"), AssistantMessage("b")])
    await agent.run("a", history=[{"role": "user", "content": "a"}, {"role": "assistant", "content": None}])
    dicts: list[dict[str, Any]] = []
    await agent.run("a", history=dicts)
    try:
        await agent.run("a")
    except OutputError as error:
        assert_type(error.messages, tuple[Message, ...])
        await agent.run("a", history=error.messages)
    except ModelError as error:
        await agent.run("a", history=error.messages)


@tool(retries=1)
def stock(context: RunContext[City], article: str) -> int:
    """Takes the context of runs whose deps are a City."""
    return len(context.deps.name + article)


assert_type(stock, Tool[City])
assert_type(Tool.from_schema("add", {}, print), Tool[Any])
assert_type(Agent(model, deps_type=City, tools=[stock, add]), Agent[City, str])
Agent(model, deps_type=int, tools=[stock])  # type: ignore[misc]  # pyright: ignore[reportArgumentType, reportCallIssue]
toolset: Toolset = FunctionToolset([add, greet])
assert_type(combine(toolset).filtered(lambda each: each.pure).prefixed("a_"), BaseToolset)
assert_type(Agent(model, tools=[toolset, add]), Agent[None, str])
