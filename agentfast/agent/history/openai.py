"""Messages in the format of OpenAI's chat completions, as many programs keep them, read exactly or refused."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from agentfast.errors import ConfigError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.tools.checks import closest, refuse, shown

_KEYS = {
    "system": {"content"},
    "developer": {"content"},
    "user": {"content"},
    "assistant": {"content", "tool_calls"},
    "tool": {"content", "tool_call_id", "name"},
}


def message_from_openai(raw: Mapping[str, object], where: str) -> Message:
    """The message.

    A result's name, which the format leaves out, is "" if it is not given: its call has it.

    Args:
        raw: an object with "role" and "content".
        where: the message's place, for errors.

    Raises:
        ConfigError: it is none of the format, or holds something that these messages cannot: an image, a refusal.
    """
    role = raw.get("role")
    if not isinstance(role, str) or role not in _KEYS:
        hint = closest(role, _KEYS) if isinstance(role, str) else None
        takes = "an OpenAI-style message: its 'role' is " + ", ".join(map(repr, _KEYS))
        refuse(where, raw, takes, hint=hint)
    for key, value in raw.items():
        if key != "role" and key not in _KEYS[role] and value not in (None, "", [], {}):
            raise ConfigError(
                f"{where} has {key!r}, which is not read of a message with the role {role!r}",
                hint=f"leave it out; these are read: {', '.join(sorted(_KEYS[role]))}",
            )
    match role:
        case "user":
            return UserMessage(_text(raw.get("content"), where))
        case "assistant":
            content = raw.get("content")
            calls = tuple(_calls(raw.get("tool_calls"), where))
            return AssistantMessage("" if content is None and calls else _text(content, where), calls)
        case "tool":
            call_id = raw.get("tool_call_id")
            if not isinstance(call_id, str) or not call_id:
                refuse(f"{where}['tool_call_id']", call_id, "the id of the call")
            return ToolMessage(_text(raw.get("content"), where), cast("str", raw.get("name") or ""), call_id)
        case _:
            return SystemMessage(_text(raw.get("content"), where))


def _text(content: object, where: str) -> str:
    """Content that is a str, or a list of text parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        refuse(f"{where}['content']", content, "a str, or a list of parts {'type': 'text', 'text': ...}")
    texts: list[str] = []
    for index, part in enumerate(cast("list[object]", content)):
        fields = _object(part, f"{where}['content'][{index}]")
        text = fields.get("text")
        if fields.get("type") != "text" or not isinstance(text, str):
            refuse(
                f"{where}['content'][{index}]",
                part,
                "a part {'type': 'text', 'text': ...}; models read text only",
            )
        texts.append(text)
    return "".join(texts)


def _calls(raw: object, where: str) -> Iterable[ToolCall]:
    if raw is None:
        return
    if not isinstance(raw, list):
        refuse(f"{where}['tool_calls']", raw, "a list of calls")
    for index, item in enumerate(cast("list[object]", raw)):
        at = f"{where}['tool_calls'][{index}]"
        call = _object(item, at)
        if call.get("type", "function") != "function":
            refuse(f"{at}['type']", call.get("type"), "'function'")
        function = _object(call.get("function"), f"{at}['function']")
        name, call_id = function.get("name"), call.get("id")
        if not isinstance(name, str):
            refuse(f"{at}['function']['name']", name, "the name of the function")
        if not isinstance(call_id, str) or not call_id:
            refuse(f"{at}['id']", call_id, "the id of the call")
        yield ToolCall(name, _arguments(function.get("arguments"), at), call_id)


def _arguments(written: object, where: str) -> dict[str, Any]:
    try:
        arguments: object = json.loads(written) if isinstance(written, str) else None
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"{where}['function']['arguments'] is {shown(written)}, which is not JSON: {error}"
        ) from error
    if not isinstance(arguments, dict):
        refuse(f"{where}['function']['arguments']", written, "the JSON text of an object")
    return cast("dict[str, Any]", arguments)


def _object(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        refuse(where, value, "an object")
    return cast("Mapping[str, object]", value)
