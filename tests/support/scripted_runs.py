"""A tool, calls of it and models that keep their requests, for tests of runs on scripted models."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence

from agentfast import (
    AssistantMessage,
    Confidence,
    ModelError,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    PlainModel,
    Price,
    ScriptedModel,
    ToolCall,
    tool,
)
from agentfast.models.base import ModelEvent
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


class StreamingModel(PlainModel):
    """Streams events and raises the exceptions among them; keeps its requests, and whether its streams were closed."""

    def __init__(
        self, *events: ModelEvent | Exception, name: str = "streaming", price: Price | None = None
    ) -> None:
        self.events = events
        self.requests: list[ModelRequest] = []
        self.closed = 0
        self.price = price
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        async for event in self.stream(request):
            if isinstance(event, ModelResponse):
                return event
        raise ModelError("no response")

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        try:
            for event in self.events:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.closed += 1


class CountingModel(StreamingModel):
    """Takes each message for a number of tokens."""

    def __init__(self, tokens: int, *events: ModelEvent | Exception) -> None:
        super().__init__(*events, name=f"counts {tokens}")
        self.tokens = tokens

    def count_tokens(self, messages: Sequence[object]) -> int:
        return self.tokens * len(messages)
