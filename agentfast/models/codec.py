"""Requests and responses as JSON values and back, for recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agentfast.errors import ModelError
from agentfast.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from agentfast.models.base import ModelRequest, ModelResponse, ModelUsage

_ROLES: dict[type[Message], str] = {
    SystemMessage: "system",
    UserMessage: "user",
    AssistantMessage: "assistant",
    ToolMessage: "tool",
}


def encode_message(message: Message) -> dict[str, Any]:
    """A message as a JSON object with its role."""
    return {"role": _ROLES[type(message)], **asdict(message)}


def encode_request(request: ModelRequest) -> dict[str, Any]:
    """All that decides the answer; not the run's name and priority."""
    return {
        "messages": [encode_message(message) for message in request.messages],
        "tools": [asdict(tool) for tool in request.tools],
        "output_schema": request.output_schema,
        "tool_choice": request.tool_choice,
        "max_calls": request.max_calls,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }


def encode_response(response: ModelResponse) -> dict[str, Any]:
    """A response as a JSON object."""
    return asdict(response)


def decode_response(raw: Mapping[str, Any]) -> ModelResponse:
    """The inverse of `encode_response`.

    Raises:
        ModelError: `raw` is not a response.
    """
    try:
        message = raw["message"]
        calls = tuple(ToolCall(**call) for call in message["calls"])
        return ModelResponse(
            AssistantMessage(message["text"], calls), ModelUsage(**raw["usage"]), raw["finish_reason"]
        )
    except (KeyError, TypeError) as error:
        raise ModelError(f"not a recorded response: {error!r}") from error
