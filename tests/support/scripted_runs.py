"""A tool, calls of it and a model that keeps its requests, for tests of runs on scripted models."""

from __future__ import annotations

import dataclasses

from agentfast import (
    AssistantMessage,
    Confidence,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    ScriptedModel,
    ToolCall,
    tool,
)
from agentfast.models.scripted import Script

BOUND_S = 10


@tool
async def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def call(a: int, b: int, confidence: Confidence | None = None) -> ToolCall:
    """A call of `add`."""
    return ToolCall("add", {"a": a, "b": b}, confidence=confidence)


def turn_of(call: ToolCall) -> ModelResponse:
    """A turn of 10 tokens in one canvas."""
    return ModelResponse(AssistantMessage(calls=(call,)), ModelUsage(generated_tokens=10, canvases=1))


class RecordingModel(ScriptedModel):
    """Keeps each request as it was when it came."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.requests: list[ModelRequest] = []

    async def respond(self, request: ModelRequest) -> ModelResponse:
        self.requests.append(dataclasses.replace(request, messages=tuple(request.messages)))
        return await super().respond(request)
