"""Losing: conversations, results and exceptions that a run has to keep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agentfast import (
    Agent,
    AssistantMessage,
    Limits,
    MapError,
    Message,
    ModelError,
    RunResult,
    ScriptedModel,
    ToolCall,
    ToolMessage,
    UserMessage,
    tool,
)
from bench.first_hour.items import expect, expect_words, item, refusal
from bench.first_hour.models import embedded, wait_for
from bench.first_hour.programs import environment, python, run

CALLS = [ToolCall("find", {"id": 1}), ToolCall("hang", {})]
FOUND = '{"id":1,"status":"shipped"}'
DESK = "You run the order desk."


@tool
async def find(id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": "shipped"}


@tool
async def hang() -> None:
    """Waits for ever."""
    await asyncio.Event().wait()


def calls_of(messages: Sequence[Message]) -> list[ToolCall]:
    """All calls of a conversation."""
    return [call for message in messages if isinstance(message, AssistantMessage) for call in message.calls]


def expect_well_formed(messages: Sequence[Message]) -> list[ToolMessage]:
    """Every call has an id of its own and its result; returns the results."""
    results = [message for message in messages if isinstance(message, ToolMessage)]
    ids = [call.id for call in calls_of(messages)]
    expect(ids and ids == [result.call_id for result in results] and len(set(ids)) == len(ids), messages)
    return results


def interrupted(agent: Agent[None, Any], *contents: str) -> None:
    """The agent's run ends with an error of one step and a conversation that the embedded model goes on from.

    Args:
        contents: words of each call's result.
    """
    error = refusal(lambda: wait_for(agent.run("go")))
    results = expect_well_formed(error.messages)
    expect(len(results) == len(contents) and len(error.steps) == 1 and error.steps[0].results, error.steps)
    for result, words in zip(results, contents, strict=True):
        expect_words(result.content, words)
    goes_on = Agent(embedded(), tools=[find], instructions=DESK)
    wait_for(goes_on.run("What is the status of order 1042?", history=error.messages))


@item
def deadline() -> None:
    """A run that its deadline ends keeps the finished result, and says of the other call that it was interrupted."""
    agent = Agent(ScriptedModel([CALLS]), tools=[find, hang], limits=Limits(deadline_s=0.2))
    interrupted(agent, FOUND, "interrupted")


@item
def limit_of_calls() -> None:
    """Two calls in a turn with max_tool_calls=1 end the run with a result for each, which says that it was not run."""
    agent = Agent(ScriptedModel([CALLS]), tools=[find, hang], limits=Limits(max_tool_calls=1))
    interrupted(agent, "not run: more than 1 tool calls", "not run: more than 1 tool calls")


@item
def model_error() -> None:
    """A run that a model's error ends has its messages and steps, and a conversation to go on from."""
    interrupted(Agent(ScriptedModel([CALLS[:1], ModelError("down")]), tools=[find]), FOUND)


@item
def full_context() -> None:
    """A context that is full says which tool's result fills it, with the messages and steps."""

    def dump() -> str:
        """Reads everything."""
        return "word " * 20_000

    agent = Agent(embedded(), tools=[dump], instructions=DESK, tool_choice="dump")
    error = refusal(lambda: wait_for(agent.run("Read everything.")), "result of tool 'dump'")
    expect(type(error).__name__ == "CapacityError" and error.steps, (error, error.steps))
    expect_well_formed(error.messages)


@item
def cancelled() -> None:
    """A run that is cancelled has its conversation in the exception, well-formed."""

    async def cancel() -> Sequence[Message]:
        started = asyncio.Event()

        @tool
        async def work() -> None:
            """Waits for ever."""
            started.set()
            await asyncio.Event().wait()

        agent = Agent(ScriptedModel([[CALLS[0], ToolCall("work", {})]]), tools=[find, work])
        task = asyncio.create_task(agent.run("go"))
        await started.wait()
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as error:
            messages: Sequence[Message] = vars(error).get("messages", ())
            return messages
        raise AssertionError("saw no cancellation")

    expect_words(expect_well_formed(wait_for(cancel()))[0].content, FOUND)


@item
def map_keeps_results() -> None:
    """A map of which a prompt fails names the prompt and keeps the finished results."""

    def reply(messages: Sequence[Message]) -> str:
        last = messages[-1]
        if isinstance(last, UserMessage) and last.text == "c":
            raise ModelError("down")
        return "fine"

    agent = Agent(ScriptedModel(reply))
    error = refusal(
        lambda: wait_for(agent.map(["a", "b", "c", "d"], concurrency=1)), "prompt 2", "'c'", "down"
    )
    assert isinstance(error, MapError)
    expect(
        [isinstance(result, RunResult) for result in error.results[:3]] == [True, True, False], error.results
    )


FAILING = """
from agentfast import Agent, ScriptedModel, ToolCall
def act():
    {act}
result = Agent(ScriptedModel([ToolCall("act", {{}}), "done"]), tools=[act]).run_sync("go")
print(repr(result.steps[0].results[0].exception), result.output)
"""


@item
def exception_of_a_tool() -> None:
    """What a tool raises is on standard error once, with its traceback and the run's id, and on the ToolResult."""
    ran = run(python(FAILING.format(act="1 / 0")), environment())
    expect(ran.output == "ZeroDivisionError('division by zero') done\n", ran)
    expect(ran.error_text.count("Traceback") == 1, ran)
    expect_words(ran.error_text, "run=agent-", "tool=act", "in act", "ZeroDivisionError: division by zero")


@item
def exit_in_a_tool() -> None:
    """`sys.exit()` in a tool is its failure, and is said."""
    ran = run(python("import sys\n" + FAILING.format(act="sys.exit(3)")), environment())
    expect(ran.output == "SystemExit(3) done\n", ran)
    expect_words(ran.error_text, "tool=act", "SystemExit: 3")
