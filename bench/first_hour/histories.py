"""Histories: earlier conversations that are read or refused, and the ids of their calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentfast import (
    Agent,
    AssistantMessage,
    Message,
    ScriptedModel,
    Settings,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from bench.first_hour.items import expect, item, refusal
from bench.first_hour.losing import DESK, expect_well_formed, find
from bench.first_hour.models import embedded, wait_for


def refused_history(history: Sequence[Any], *words: str) -> None:
    """The embedded model is not asked: the history is refused with these words."""
    agent = Agent(embedded(), tools=[find], instructions=DESK)
    refusal(lambda: wait_for(agent.run("Hello", history=history)), *words)


@item
def history_of_strings() -> None:
    """A history of strings is refused: history[0] is named, and an example given."""
    refused_history(["hi"], "history[0]", "'hi'", "UserMessage")


@item
def history_of_unknown_dicts() -> None:
    """A dict in a history that is no message of OpenAI's format is refused by its place and the key."""
    refused_history(
        [{"role": "user", "content": "a"}, {"role": "robot", "content": "b"}], "history[1]", "robot"
    )


@item
def history_of_dicts() -> None:
    """OpenAI-style dicts are the same history as the messages that they mean."""
    agent = Agent(embedded(), tools=[find], instructions=DESK)
    function = {"name": "find", "arguments": '{"id":1}'}
    dicts: list[dict[str, object]] = [
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "tool_calls": [{"id": "x", "type": "function", "function": function}]},
        {"role": "tool", "tool_call_id": "x", "content": '{"id":1}'},
        {"role": "assistant", "content": "Hi."},
    ]
    messages: list[Message] = [
        UserMessage("Hello"),
        AssistantMessage(calls=(ToolCall("find", {"id": 1}, "x"),)),
        ToolMessage('{"id":1}', "find", "x"),
        AssistantMessage("Hi."),
    ]
    one, other = (wait_for(agent.run("And now?", history=given)).messages for given in (dicts, messages))
    expect(one == other, one)


@item
def result_without_a_call() -> None:
    """A result without its call is refused by its place, with what to do."""
    refused_history([UserMessage("a"), ToolMessage("1", "find", "x")], "history[1]", "'find'", "keep the two")


@item
def call_without_a_result() -> None:
    """A call without its result is refused by its place and name, with what to do."""
    turn = AssistantMessage(calls=(ToolCall("find", {"id": 1}, "x"),))
    refused_history([UserMessage("a"), turn, UserMessage("b")], "history[1]", "'find'", "add a ToolMessage")


@item
def ids_in_a_trimmed_history() -> None:
    """Ids of calls stay unique in a conversation that goes on from its last messages."""
    agent = Agent(embedded(), tools=[find], instructions=DESK, tool_choice="find")
    history: Sequence[Message] = ()
    for turn in range(3):
        question = f"What is the status of order {1042 + turn}?"
        result = wait_for(agent.run(question, history=history, seed=turn))
        expect_well_formed(result.messages)
        history = result.messages[-3:-1]


@item
def ids_of_some_calls() -> None:
    """Ids of calls are unique where one call has an id and the other has none."""
    calls = [ToolCall("find", {"id": 1}, "call_0_1"), ToolCall("find", {"id": 2})]
    agent = Agent(ScriptedModel([calls, "done"]), tools=[find], settings=Settings(max_calls=2))
    expect_well_formed(wait_for(agent.run("go")).messages)
