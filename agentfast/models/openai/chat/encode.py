"""Requests in the format of OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.openai.json_text import dump_json
from agentfast.tools.call import ToolDefinition
from agentfast.tools.schema.json_schema import with_standard_formats

MALFORMED = "malformed_arguments"
CONFIDENCE: Final[Mapping[str, Any]] = {"logprobs": True, "vllm_xargs": {"agentfast": '{"confidence": true}'}}
"""Members of a body that ask vLLM with agentfast's plugin for the log probabilities of a constrained output."""

_SEEDS = 1 << 31  # servers differ in how many bits of a seed they take; all take these


def encode_chat(request: ModelRequest, *, strict: bool, token_limit_field: str) -> dict[str, Any]:
    """The body of a request, without the model's name. Nothing is in it that the request leaves to the model.

    Raises:
        ConfigError: JSON cannot hold the arguments of an earlier call.
    """
    body: dict[str, Any] = {"messages": _encode_messages(request.messages)}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.seed is not None:
        body["seed"] = request.seed % _SEEDS
    if request.max_tokens is not None:
        body[token_limit_field] = request.max_tokens
    if request.tools:
        body["tools"] = [
            {"type": "function", "function": encode_function(tool, strict=strict)} for tool in request.tools
        ]
        if request.tool_choice != "auto":
            body["tool_choice"] = _tool_choice(request.tool_choice)
        if request.max_calls == 1:
            body["parallel_tool_calls"] = False
    if request.output_schema is not None:
        schema = encode_schema(request.output_schema, strict=strict)
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def encode_schema(schema: Mapping[str, Any], *, strict: bool) -> dict[str, Any]:
    """The schema of an answer, named."""
    return {
        "name": "answer",
        "schema": with_standard_formats(schema) if strict else schema,
        "strict": strict,
    }


def _encode_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    # An agent without instructions has an empty system message if it has tools; a server is told of these elsewhere.
    return [encode_message(message) for message in messages if message != SystemMessage("")]


def encode_message(message: Message) -> dict[str, Any]:
    """A message as a JSON object of the chat completions API.

    Raises:
        ConfigError: JSON cannot hold the arguments of a call.
    """
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case UserMessage(text):
            return {"role": "user", "content": text}
        case ToolMessage(content=content, call_id=call_id):
            return {"role": "tool", "tool_call_id": call_id, "content": result_text(content)}
        case AssistantMessage(text, ()):
            return {"role": "assistant", "content": text}
        case AssistantMessage(text, calls):
            return {
                "role": "assistant",
                "content": text or None,
                "tool_calls": [_encode_call(call) for call in calls],
            }


def result_text(content: str) -> str:
    """The text that a server is sent as a result: one that is a JSON string as the text itself; another as its JSON."""
    if not content.startswith('"'):
        return content
    try:
        text = json.loads(content)
    except ValueError:
        return content
    return text if isinstance(text, str) else content


def written_arguments(call: ToolCall) -> str:
    """The arguments of an earlier call as JSON text.

    Raises:
        ConfigError: JSON cannot hold them.
    """
    # Servers parse the arguments of earlier calls again, and many refuse the whole conversation if one is no object.
    arguments = call.arguments if call.malformed is None else {MALFORMED: call.malformed}
    return dump_json(arguments, f"an argument of the call to {call.name!r}: arguments")


def _encode_call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": written_arguments(call)}
    return {"id": call.id, "type": "function", "function": function}


def encode_function(tool: ToolDefinition, *, strict: bool) -> dict[str, Any]:
    """The declaration of a tool."""
    function: dict[str, Any] = {"name": tool.name, "description": tool.description}
    if strict:
        function |= {"parameters": with_standard_formats(tool.parameters), "strict": True}
    else:
        function["parameters"] = tool.parameters
    return function


def _tool_choice(choice: str) -> Any:
    if choice in ("required", "none"):
        return choice
    return {"type": "function", "function": {"name": choice}}
