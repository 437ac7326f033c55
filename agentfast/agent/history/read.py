"""Histories that callers give: checked as a whole, once for each run, whatever the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.openai import message_from_openai
from agentfast.agent.history.pairing import Pairing
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
from agentfast.tools.schema.strict_json import is_json_object
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
    pairing = Pairing(_read_all(history, "history"))
    return pairing.conversation(), pairing.ids


def read_conversation(messages: object, name: str) -> list[Message]:
    """The conversation as `read_history` reads it, with its system message.

    Args:
        messages: as the argument `history` of a run.
        name: the argument's, for errors.

    Raises:
        ConfigError: as `read_history`.
    """
    given = _read_all(messages, name)
    first = given[:1] if given and isinstance(given[0], SystemMessage) else []
    return [*first, *Pairing(given, name).conversation()]


def _read_all(messages: object, name: str) -> list[Message]:
    hint = f"give its messages: {name}=x.messages" if hasattr(messages, "messages") else None
    given = check_list(name, messages, _TAKES, hint=hint)
    return [_read(message, f"{name}[{index}]") for index, message in enumerate(given)]


def _read(value: object, where: str) -> Message:
    if not isinstance(value, _MESSAGES) and isinstance(value, Mapping):
        value = message_from_openai(cast("Mapping[str, object]", value), where)
    if not isinstance(value, _MESSAGES):
        takes = "a message, such as UserMessage('...') or {'role': 'user', 'content': '...'}"
        refuse(where, value, takes)
    if not _is_sound(value):
        _complain(value, where)
    return value


def _is_sound(message: Message) -> bool:
    """True if nothing is wrong with the message by itself: the quick way, as histories are long."""
    if type(message) is ToolMessage:
        return is_text(message.content) and is_text(message.name) and is_text(message.call_id)
    if type(message) is AssistantMessage:
        return is_text(message.text) and (message.calls == () or _are_sound(message.calls))
    return isinstance(message, (UserMessage, SystemMessage)) and is_text(message.text)


def _are_sound(calls: object) -> bool:
    if not isinstance(calls, (tuple, list)):
        return False
    for call in cast("Sequence[object]", calls):
        if not (
            isinstance(call, ToolCall)
            and is_text(call.name)
            and is_text(call.id)
            and is_json_object(call.arguments)
        ):
            return False
    return True


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
