"""Requests and responses as JSON values and back, for recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import CanvasState, ModelRequest, ModelResponse, ModelUsage, TextChunk
from agentfast.tools.confidence import Confidence

_ROLES: dict[type[Message], str] = {
    SystemMessage: "system",
    UserMessage: "user",
    AssistantMessage: "assistant",
    ToolMessage: "tool",
}


def encode_message(message: Message) -> dict[str, Any]:
    """A message as a JSON object with its role; how sure a model was of it is no part of the conversation."""
    fields = _encode_turn(message) if isinstance(message, AssistantMessage) else asdict(message)
    return {"role": _ROLES[type(message)], **fields}


def _encode_turn(message: AssistantMessage) -> dict[str, Any]:
    return {"text": message.text, "calls": [_encode_call(call) for call in message.calls]}


def _encode_call(call: ToolCall) -> dict[str, Any]:
    raw = {"name": call.name, "arguments": call.arguments, "id": call.id}
    return raw if call.malformed is None else raw | {"malformed": call.malformed}


def encode_request(request: ModelRequest) -> dict[str, Any]:
    """A request as a JSON object: everything that the answer depends on, so not the run's name and priority."""
    grammar = request.output_grammar
    return {
        "messages": [encode_message(message) for message in request.messages],
        "tools": [asdict(tool) for tool in request.tools],
        "output_schema": request.output_schema,
        **({} if grammar is None else {"output_grammar": grammar.digest.hex()}),
        "tool_choice": request.tool_choice,
        "max_calls": request.max_calls,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "seed": request.draws_from,
    }


def encode_response(response: ModelResponse) -> dict[str, Any]:
    """A response as a JSON object; a call or answer has "confidence" if the model gave it."""
    message = response.message
    turn = _encode_turn(message)
    sure = [message.confidence, *(call.confidence for call in message.calls)]
    for part, confidence in zip([turn, *turn["calls"]], sure, strict=True):
        if confidence is not None:
            part["confidence"] = confidence.to_json()
    encoded = {"message": turn, "usage": asdict(response.usage), "finish_reason": response.finish_reason}
    return encoded | {"model": response.model} if response.model else encoded


def decode_response(raw: Mapping[str, Any]) -> ModelResponse:
    """The inverse of `encode_response`.

    Raises:
        ModelError: `raw` is not a response.
    """
    try:
        message = raw["message"]
        calls = tuple(ToolCall(**call | {"confidence": _confidence(call)}) for call in message["calls"])
        spoken = AssistantMessage(message["text"], calls, _confidence(message))
        usage = ModelUsage(**raw["usage"])
        return ModelResponse(spoken, usage, raw["finish_reason"], raw.get("model", ""))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"not a recorded response: {error!r}") from error


def encode_event(event: CanvasState | TextChunk) -> dict[str, Any]:
    """An event before a response as a JSON object: a canvas or a piece of text."""
    return asdict(event)


def decode_event(raw: Mapping[str, Any]) -> CanvasState | TextChunk:
    """The inverse of `encode_event`.

    Raises:
        ModelError: `raw` is no such event.
    """
    try:
        if "text" in raw:
            return TextChunk(**raw)
        canvas = CanvasState(**raw)
        return replace(canvas, pieces=tuple(canvas.pieces), accepted=tuple(canvas.accepted))
    except TypeError as error:
        raise ModelError(f"not a recorded event: {error}") from error


def _confidence(part: Mapping[str, Any]) -> Confidence | None:
    """Confidence of a recorded call or answer; None if the model gave none."""
    raw = part.get("confidence")
    return None if raw is None else Confidence.from_json(raw)
