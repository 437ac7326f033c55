"""Calls and their results in a conversation, brought together or refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from agentfast.agent.history.call_ids import CallIds
from agentfast.errors import ConfigError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage


class Pairing:
    """The walk over a conversation that finds each call's result."""

    def __init__(self, messages: list[Message], name: str = "history") -> None:
        """Take the messages and the argument's name, for errors."""
        self.ids = CallIds()
        self._messages = messages
        self._name = name
        self._at = 0
        self._turns = 0
        self._places: dict[str, int] = {}  # id of a call -> place of its message

    def conversation(self) -> list[Message]:
        """The messages, with results in the order of their calls."""
        conversation: list[Message] = []
        if self._messages and isinstance(self._messages[0], SystemMessage):
            self._at = 1
        while self._at < len(self._messages):
            message = self._messages[self._at]
            match message:
                case SystemMessage():
                    self._refuse("a system message", "it may only be the first; this agent's own replaces it")
                case ToolMessage():
                    self._refuse(
                        f"the result of call {message.call_id!r} to {message.name!r}",
                        "a result follows the assistant message with its call: keep the two together",
                    )
                case AssistantMessage() if message.calls:
                    conversation += self._turn(message)
                    self._turns += 1
                case AssistantMessage() | UserMessage():
                    self._turns += isinstance(message, AssistantMessage)
                    conversation.append(message)
                    self._at += 1
        return conversation

    def _turn(self, message: AssistantMessage) -> list[Message]:
        """An assistant message and the results of its calls, which come next."""
        self._note_ids(message)
        place = self._at
        complete = self.ids.complete(message, self._turns)
        self._at += 1
        if len(message.calls) == 1 and self._at < len(self._messages):  # the quick way of most turns
            call, result = complete.calls[0], self._messages[self._at]
            if isinstance(result, ToolMessage) and (result.call_id, result.name) == (call.id, call.name):
                self._at += 1
                return [complete, result]
        open_calls = dict(enumerate(message.calls))
        results: dict[int, ToolMessage] = {}
        while open_calls and self._at < len(self._messages):
            result = self._messages[self._at]
            if not isinstance(result, ToolMessage):
                break
            index = self._call_of(result, open_calls)
            del open_calls[index]
            call = complete.calls[index]
            if (result.call_id, result.name) != (call.id, call.name):
                result = replace(result, call_id=call.id, name=call.name)
            results[index] = result
            self._at += 1
        if open_calls:
            missing = ", ".join(f"{call.name!r} ({call.id!r})" for call in open_calls.values())
            raise ConfigError(
                f"{self._name}[{place}] is an assistant message with calls, but no result follows for: {missing}",
                hint="add a ToolMessage for each, or leave the message and its other results out",
            )
        return [complete, *(results[index] for index in sorted(results))]

    def _call_of(self, result: ToolMessage, calls: Mapping[int, ToolCall]) -> int:
        """Index of the call that the result is of: by its id, without one by its place."""
        by_id = (index for index, call in calls.items() if call.id == result.call_id)
        index = next(iter(calls) if not result.call_id else by_id, None)
        if index is None:
            known = ", ".join(repr(call.id) for call in calls.values())
            self._refuse(
                f"the result of call {result.call_id!r}",
                f"the calls before it that wait for a result have the ids {known}",
            )
        name = calls[index].name
        if result.name not in (name, ""):
            self._refuse(
                f"a result of {result.name!r}", f"its call is to {name!r}: write ToolMessage(name={name!r})"
            )
        return index

    def _note_ids(self, message: AssistantMessage) -> None:
        for call in message.calls:
            if not call.id:
                continue
            if call.id in self._places:
                self._refuse(
                    f"an assistant message with a call of the id {call.id!r}, which {self._name}[{self._places[call.id]}] has too",
                    "each call of a conversation has an id of its own: give the call and its result another, or none",
                )
            self._places[call.id] = self._at

    def _refuse(self, what: str, hint: str) -> NoReturn:
        raise ConfigError(f"{self._name}[{self._at}] is {what}, where it cannot stand", hint=hint)
