"""Requests in the format of the responses API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.openai.chat.encode import encode_function, encode_schema, result_text, written_arguments
from agentfast.tools.call import ToolDefinition


def encode_response_request(
    request: ModelRequest, *, strict: bool, token_limit_field: str = ""
) -> dict[str, Any]:
    """The body of a request, without the model's name. The server is asked to keep nothing of it.

    The API has no seed. It has one name for the limit of tokens.

    Raises:
        ConfigError: JSON cannot hold the arguments of an earlier call.
    """
    body: dict[str, Any] = {"input": list(_items(request.messages)), "store": False}
    first = request.messages[0] if request.messages else None
    if isinstance(first, SystemMessage) and first.text:
        body["instructions"] = first.text
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        body["max_output_tokens"] = request.max_tokens
    if request.tools:
        body["tools"] = [_tool(tool, strict=strict) for tool in request.tools]
        if request.tool_choice in ("required", "none"):
            body["tool_choice"] = request.tool_choice
        elif request.tool_choice != "auto":
            body["tool_choice"] = {"type": "function", "name": request.tool_choice}
        if request.max_calls == 1:
            body["parallel_tool_calls"] = False
    if request.output_schema is not None:
        body["text"] = {
            "format": {"type": "json_schema", **encode_schema(request.output_schema, strict=strict)}
        }
    return body


def _items(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    for message in messages:
        match message:
            case SystemMessage():
                pass
            case UserMessage(text):
                yield {"role": "user", "content": text}
            case ToolMessage(content=content, call_id=call_id):
                yield {"type": "function_call_output", "call_id": call_id, "output": result_text(content)}
            case AssistantMessage(text, calls):
                if text or not calls:
                    yield {"role": "assistant", "content": text}
                for call in calls:
                    arguments = written_arguments(call)
                    yield {
                        "type": "function_call",
                        "call_id": call.id,
                        "name": call.name,
                        "arguments": arguments,
                    }


def _tool(tool: ToolDefinition, *, strict: bool) -> dict[str, Any]:
    # Unlike in chat completions, a function is strict if nothing is said.
    return {"type": "function", "strict": False, **encode_function(tool, strict=strict)}
