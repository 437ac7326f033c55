"""Histories that callers give: checked as a whole, once for each run, whatever the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NoReturn, cast

from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.openai import message_from_openai
from agentfast.errors import ConfigError
from agentfast.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agentfast.tools.checks import check_list, check_text, refuse, shown
from agentfast.tools.strict_json import is_json_object
from agentfast.tools.unicode import is_text

to_json = json.JSONEncoder(ensure_ascii=False).encode
_MESSAGES = (SystemMessage, UserMessage, AssistantMessage, ToolMessage)
_TAKES = "a sequence of messages, such as result.messages, or of OpenAI-style dicts"


def read_history(history: object) -> tuple[list[Message], CallIds]:
    """The conversation to go on with, without its system message, and the ids of its calls.

    Each call has an id; its result has the same, and stands in the order of the calls.

    Raises:
        ConfigError: something is no message, or the messages are no conversation; it names the message by its place.
    """
    hint = "give its messages: history=x.messages" if hasattr(history, "messages") else None
    given = check_list("history", history, _TAKES, hint=hint)
    messages = [_read(message, index) for index, message in enumerate(given)]
    pairing = _Pairing(messages)
    return pairing.conversation(), pairing.ids


def _read(value: object, index: int) -> Message:
    if not isinstance(value, _MESSAGES) and isinstance(value, Mapping):
        value = message_from_openai(cast("Mapping[str, object]", value), f"history[{index}]")
    if not isinstance(value, _MESSAGES):
        takes = "a message, such as UserMessage('...') or {'role': 'user', 'content': '...'}"
        refuse(f"history[{index}]", value, takes)
    if not _is_sound(value):
        _complain(value, f"history[{index}]")
    return value


def _is_sound(message: Message) -> bool:
    """True if nothing is wrong with the message by itself: the quick way, as histories are long."""
    match message:
        case ToolMessage():
            return is_text(message.content) and is_text(message.name) and is_text(message.call_id)
        case AssistantMessage():
            return is_text(message.text) and (message.calls == () or _are_sound(message.calls))
        case _:
            return is_text(message.text)


def _are_sound(calls: object) -> bool:
    return isinstance(calls, (tuple, list)) and all(
        isinstance(call, ToolCall)
        and is_text(call.name)
        and is_text(call.id)
        and is_json_object(call.arguments)
        for call in cast("Sequence[object]", calls)
    )


def _complain(message: Message, where: str) -> None:
    """Raise the error of a message that is not sound, if it is wrong.

    Raises:
        ConfigError: it is.
    """
    match message:
        case ToolMessage():
            check_text(f"{where}.content", message.content)
            check_text(f"{where}.name", message.name)
            check_text(f"{where}.call_id", message.call_id)
        case AssistantMessage():
            check_text(f"{where}.text", message.text)
            _check_calls(message.calls, where)
        case _:
            check_text(f"{where}.text", message.text)


def _check_calls(calls: object, where: str) -> None:
    if not isinstance(calls, (tuple, list)):
        refuse(f"{where}.calls", calls, "a tuple of ToolCalls")
    for index, call in enumerate(cast("Sequence[object]", calls)):
        at = f"{where}.calls[{index}]"
        if not isinstance(call, ToolCall):
            refuse(at, call, "a ToolCall")
        check_text(f"{at}.name", call.name)
        check_text(f"{at}.id", call.id)
        arguments = cast("object", call.arguments)
        if not isinstance(arguments, dict):
            refuse(f"{at}.arguments", arguments, "a dict, the decoded JSON object")
        try:
            to_json(arguments).encode()
        except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError is a ValueError
            raise ConfigError(
                f"{at}.arguments are {shown(call.arguments)}, which is not JSON: {error}"
            ) from error


class _Pairing:
    """The walk over a conversation that finds each call's result."""

    def __init__(self, messages: list[Message]) -> None:
        self.ids = CallIds()
        self._messages = messages
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
                f"history[{place}] is an assistant message with calls, but no result follows for: {missing}",
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
                    f"an assistant message with a call of the id {call.id!r}, which history[{self._places[call.id]}] has too",
                    "each call of a conversation has an id of its own: give the call and its result another, or none",
                )
            self._places[call.id] = self._at

    def _refuse(self, what: str, hint: str) -> NoReturn:
        raise ConfigError(f"history[{self._at}] is {what}, where it cannot stand", hint=hint)
