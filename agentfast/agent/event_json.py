"""Events as JSON values, for servers, logs and files."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from typing import Any

import pydantic_core

from agentfast.agent.events import AgentEvent
from agentfast.agent.history.json_form import encode_message
from agentfast.agent.result import RunResult
from agentfast.agent.run.saved import SavedRun
from agentfast.errors import AgentFastError
from agentfast.messages import AssistantMessage, SystemMessage, ToolCall, ToolMessage, ToolResult, UserMessage
from agentfast.tools.confidence import Confidence

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


def event_to_json(event: AgentEvent[Any]) -> dict[str, Any]:
    """An event as a JSON object, its name in `type`: ToolStarted(0, call) is {"type": "tool_started", "step": 0, ...}.

    Messages have the form of `messages_to_json`, a result the fields of RunResult, an error its kind and message.
    """
    return {
        "type": event_name(event),
        **{field.name: _json(getattr(event, field.name)) for field in fields(event)},
    }


def event_name(event: AgentEvent[Any]) -> str:
    """The event's name in JSON and logs, such as "tool_started"."""
    return _WORD.sub("_", type(event).__name__).lower()


def _json(value: Any) -> Any:
    untyped = value  # before its type is narrowed to one of unknown parameters
    if isinstance(value, tuple):
        return [_json(item) for item in untyped]
    match value:
        case SystemMessage() | UserMessage() | AssistantMessage() | ToolMessage():
            return encode_message(value)
        case ToolCall():
            return encode_message(AssistantMessage(calls=(value,)))["calls"][0]
        case ToolResult():
            return {
                "call_id": value.call_id,
                "name": value.name,
                "content": value.content,
                "is_error": value.is_error,
                "duration_s": value.duration_s,
            }
        case RunResult():
            output = pydantic_core.to_jsonable_python(
                untyped.output, serialize_unknown=True, inf_nan_mode="null"
            )
            rest = {field.name: _json(getattr(untyped, field.name)) for field in fields(untyped)}
            return {**rest, "output": output}
        case Confidence():
            return value.to_json()
        case SavedRun():
            return pydantic_core.from_json(value.to_json())
        case AgentFastError():
            return {"kind": type(value).__name__, "message": value.message, "hint": value.hint}
        case _ if is_dataclass(untyped) and not isinstance(untyped, type):
            return {field.name: _json(getattr(untyped, field.name)) for field in fields(untyped)}
        case _:
            return pydantic_core.to_jsonable_python(value, serialize_unknown=True, inf_nan_mode="null")
