"""Contexts: what tools, instructions and validators are handed, and the answers that validators send back."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from agentfast import (
    Agent,
    ConfigError,
    Limits,
    ModelRetry,
    OutputError,
    RetriesExhaustedError,
    RunContext,
    ScriptedModel,
    SystemMessage,
    Tool,
    ToolCall,
    ToolDefinitionError,
    ToolMessage,
    UserMessage,
    tool,
)
from tests.support.scripted_runs import BOUND_S


@dataclass
class Shop:
    """What the tools work on."""

    name: str
    sold: int = 0


@tool
async def sell(context: RunContext[Shop], number: int) -> str:
    """Sell something."""
    context.deps.sold += number
    return f"{context.deps.name} {context.agent} {context.step} {context.call_id} {len(context.messages)}"


SELL = ToolCall("sell", {"number": 2}, "c1")


async def test_a_tool_gets_the_runs_context_and_the_model_is_not_told_of_it() -> None:
    shop = Shop("Bergen")
    agent = Agent(ScriptedModel([[SELL], "ok"]), tools=[sell], deps_type=Shop, name="seller")
    result = await agent.run("go", deps=shop)
    assert shop.sold == 2
    assert result.steps[0].results[0].content == '"Bergen seller 0 c1 2"'
    assert list(sell.parameters["properties"]) == ["number"]


async def test_runs_at_once_have_each_their_own_deps() -> None:
    agent = Agent(
        ScriptedModel(lambda messages: [SELL] if len(messages) == 2 else "ok"),
        tools=[sell],
        deps_type=Shop,
    )
    shops = [Shop(str(number)) for number in range(20)]
    await asyncio.gather(*(agent.run("go", deps=shop) for shop in shops))
    assert [shop.sold for shop in shops] == [2] * 20


def test_a_context_of_another_type_is_refused_when_the_agent_is_made() -> None:
    make: Any = Agent
    with pytest.raises(
        ConfigError, match=r"'sell' takes RunContext\[Shop\], but the agent has deps_type=int"
    ):
        make(ScriptedModel([]), tools=[sell], deps_type=int)
    with pytest.raises(ConfigError, match="but the agent has deps_type=None"):
        make(ScriptedModel([]), tools=[sell])


async def test_deps_of_another_type_are_refused_before_anything_runs() -> None:
    agent: Any = Agent(ScriptedModel([]), tools=[sell], deps_type=Shop)
    with pytest.raises(ConfigError, match="deps is None; it takes Shop"):
        await agent.run("go")
    plain: Any = Agent(ScriptedModel([]))
    with pytest.raises(ConfigError, match=r"deps is 5 \(int\); it takes None"):
        await plain.run("go", deps=5)


def test_a_context_stands_first() -> None:
    def late(number: int, context: RunContext[Shop]) -> None:
        """Act."""

    with pytest.raises(ToolDefinitionError, match="'context' is a RunContext, but not the first"):
        tool(late)


async def test_methods_and_sync_tools_take_contexts_too() -> None:
    class Till:
        def count(self, context: RunContext[Shop], *, number: int = 1) -> str:
            """Count."""
            return f"{context.deps.name}{number}"

    model = ScriptedModel([[ToolCall("count", {})], "ok"])
    agent = Agent(model, tools=[tool(Till().count)], deps_type=Shop)
    result = await agent.run("go", deps=Shop("A"))
    assert result.steps[0].results[0].content == '"A1"'


async def test_a_sync_tool_can_see_that_nobody_waits_any_more() -> None:
    seen, ended = threading.Event(), threading.Event()

    def work(context: RunContext[None]) -> None:
        """Work."""
        seen.set()
        try:
            while True:
                context.check_cancelled()
        finally:
            ended.set()

    agent = Agent(ScriptedModel([[ToolCall("work", {})], "ok"]), tools=[tool(work, timeout=0.05)])
    result = await agent.run("go")
    assert "timed out" in result.steps[0].results[0].content
    assert seen.is_set()
    assert await asyncio.to_thread(ended.wait, BOUND_S)


async def test_instructions_are_written_when_a_run_begins() -> None:
    async def rules(context: RunContext[Shop]) -> str:
        return f"You sell for {context.deps.name}."

    model = ScriptedModel(["ok", "ok"])
    agent = Agent(model, instructions=["Be brief.", rules, lambda: "Now."], deps_type=Shop)
    for name in ("A", "B"):
        result = await agent.run("go", deps=Shop(name))
        assert result.messages[:2] == (
            SystemMessage(f"Be brief.\n\nYou sell for {name}.\n\nNow."),
            UserMessage("go"),
        )


async def test_instructions_that_are_no_text_end_the_run() -> None:
    broken: Any = lambda: 5  # noqa: E731
    with pytest.raises(ConfigError, match="wrote 5"):
        await Agent(ScriptedModel(["ok"]), instructions=broken).run("go")


async def test_a_validator_sends_the_model_back_with_the_reason() -> None:
    async def check(context: RunContext[Shop], number: int) -> int:
        if number < context.deps.sold:
            raise ModelRetry(f"at least {context.deps.sold}")
        return number * 10

    def add_one(number: int) -> int:
        return number + 1

    agent = Agent(
        ScriptedModel(["1", "7"]), output_type=int, deps_type=Shop, output_validators=[check, add_one]
    )
    result = await agent.run("go", deps=Shop("A", sold=5))
    assert result.output == 71
    assert UserMessage("The answer is not valid: at least 5") in result.messages


async def test_a_validator_is_not_asked_for_ever() -> None:
    def check(answer: str) -> str:
        raise ModelRetry("never good")

    with pytest.raises(OutputError, match="never good; the model answered 'c'"):
        await Agent(ScriptedModel(["a", "b", "c"]), output_validators=[check]).run("go")


def failing(reason: str = "") -> None:
    """Fail."""
    raise ModelRetry(reason or "try another number")


async def test_a_tool_that_fails_too_often_in_a_row_ends_the_run_with_its_history() -> None:
    calls = [[ToolCall("failing", {"reason": str(number)})] for number in range(9)]
    with pytest.raises(RetriesExhaustedError, match=r"'failing' failed 3 times in a row.*\"2\"") as caught:
        await Agent(ScriptedModel([*calls, "ok"]), tools=[tool(failing, retries=2)]).run("go")
    assert (caught.value.tool, caught.value.failures) == ("failing", 3)
    assert sum(isinstance(message, ToolMessage) for message in caught.value.messages) == 3
    limits = Limits(tool_retries=1)
    with pytest.raises(RetriesExhaustedError, match="failed 2 times"):
        await Agent(ScriptedModel([*calls, "ok"]), tools=[failing], limits=limits).run("go")
    result = await Agent(
        ScriptedModel([*calls, "ok"]), tools=[failing], limits=Limits(tool_retries=None)
    ).run("go")
    assert result.output == "ok"


async def test_a_success_ends_the_row_of_failures_and_the_tool_knows_its_attempt() -> None:
    attempts: list[int] = []

    def act(context: RunContext[None], number: int) -> int:
        """Act."""
        attempts.append(context.attempt)
        if number % 3:
            raise ModelRetry("no")
        return number

    calls = [[ToolCall("act", {"number": number})] for number in range(1, 8)]
    made: Tool[Any] = tool(act, retries=2)
    await Agent(ScriptedModel([*calls, "ok"]), tools=[made]).run("go")
    assert attempts == [0, 1, 2, 0, 1, 2, 0]


async def test_a_tool_from_a_schema_takes_plain_values() -> None:
    schema = {
        "type": "object",
        "properties": {"at": {"type": "string", "format": "date"}, "n": {"type": "integer"}},
        "required": ["n"],
    }

    def act(context: RunContext[None], **arguments: Any) -> Any:
        return {**arguments, "call": context.call_id}

    made = Tool.from_schema("act", schema, act, description="Acts.", pure=True)
    assert made.pure
    model = ScriptedModel(
        [[ToolCall("act", {"n": 1, "at": "2026-01-02"}, "a")], [ToolCall("act", {"n": "1"}, "b")], "ok"]
    )
    result = await Agent(model, tools=[made]).run("go")
    contents = [step.results[0].content for step in result.steps[:2]]
    assert contents[0] == '{"n":1,"at":"2026-01-02","call":"a"}'
    assert "$.n: '1' is not of type 'integer'" in contents[1]


@pytest.mark.parametrize("schema", [{"type": "string"}, 5, {"type": "object", "properties": 3}])
def test_a_tool_has_a_schema_of_an_object(schema: Any) -> None:
    with pytest.raises(ToolDefinitionError, match="tool 'act'"):
        Tool.from_schema("act", schema, failing)
