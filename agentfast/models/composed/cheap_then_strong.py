"""A cheap model, and a stronger one for the turns of which the cheap one is not sure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from agentfast.errors import ConfigError, ModelError
from agentfast.models.base import Model, ModelEvent, ModelRequest, ModelResponse, TextChunk, check_model
from agentfast.models.composed.doubtful import (
    Measure,
    OnFailure,
    after,
    check_rule,
    doubt_of,
    fits_choice,
    unless_sure,
)
from agentfast.models.composed.parts import ComposedModel, open_events, written_by
from agentfast.tools.checks import check_text


class CheapThenStrong(ComposedModel):
    """Asks the cheap model, and the strong one each turn whose calls or typed answer are doubtful.

    A turn is as sure as its least sure call. A turn without a confidence (plain text, or a model that gives none) is never
    doubtful. Tokens and cost are of both answers, and together they keep to the request's limit of tokens.

    A stream shows no text that may not stand: text of a turn that may turn out doubtful comes with the response. With
    `on_failure="raise"` the strong model's comes piece by piece. Drafts of canvases are shown, of both models.

    Attributes:
        below: a turn of less confidence than this is doubtful.
        measure: a call's confidence is that of the call as a whole, or of its least sure field.
        on_failure: if the strong model fails, is cut off, or does not keep to the tool choice: "keep" the doubtful answer,
            or "raise" the error.
    """

    def __init__(
        self,
        cheap: Model,
        strong: Model,
        *,
        below: float = 0.8,
        measure: Measure = "whole",
        on_failure: OnFailure = "keep",
        name: str | None = None,
    ) -> None:
        """
        Args:
            cheap: asked first. It has to give a confidence, as local models and vLLM with agentfast's plugin do.
            strong: sees the conversation as the cheap one did, not the doubtful answer.
            below: above 0, at most 1.
            measure: see the class.
            on_failure: see the class.
            name: for logs and traces; None: made of the models'.

        Raises:
            ConfigError: an argument is something else than it takes, or both models are one.
        """
        check_model("cheap", cheap)
        check_model("strong", strong)
        if cheap is strong:
            raise ConfigError(
                f"model {cheap.name!r} is both cheap and strong", hint="give another one as strong"
            )
        if name is not None:
            check_text("name", name)
        super().__init__((cheap, strong), name or f"{cheap.name} then {strong.name}")
        self._cheap, self._strong = cheap, strong
        self.below = below
        self.measure: Measure = measure
        self.on_failure: OnFailure = on_failure
        check_rule("CheapThenStrong", self)

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The cheap model's response, or the strong one's if that is doubtful.

        Raises:
            AgentFastError: the cheap model failed; or the strong one did, if `on_failure` is "raise".
        """
        first = written_by(self._cheap, await self._cheap.respond(replace(request, confidence=True)))
        return await self._decided(first, request)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The events of the models, as far as they stand. Raises as `respond`."""
        may_be_doubtful = bool(request.tools) or request.output_schema is not None
        first: ModelResponse | None = None
        async with open_events(self._cheap, replace(request, confidence=True)) as events:
            async for event in events:
                if isinstance(event, ModelResponse):
                    first = event
                elif not (may_be_doubtful and isinstance(event, TextChunk)):
                    yield event
        assert first is not None
        if self.on_failure == "keep" or doubt_of(first.message, self) is None:
            yield await self._decided(first, request)
            return
        async with open_events(self._strong, _left(request, first)) as events:
            async for event in events:
                yield after(first, _sound(event, request)) if isinstance(event, ModelResponse) else event

    async def _decided(self, first: ModelResponse, request: ModelRequest) -> ModelResponse:
        async def ask(_: float) -> ModelResponse:
            response = await self._strong.respond(_left(request, first))
            return _sound(written_by(self._strong, response), request)

        return (await unless_sure(first, self, ask)).response

    def _together(self, prices: Iterable[float]) -> float:
        return sum(prices)  # a doubtful turn is asked of both


def _left(request: ModelRequest, first: ModelResponse) -> ModelRequest:
    """The request with the tokens that the first response left.

    Raises:
        ModelError: there are none.
    """
    if request.max_tokens is None:
        return request
    left = request.max_tokens - first.usage.generated_tokens
    if left < 1:
        raise ModelError(
            f"the doubtful answer left none of the {request.max_tokens} tokens for the strong model",
            hint="raise Settings(max_tokens=...)",
        )
    return replace(request, max_tokens=left)


def _sound(response: ModelResponse, request: ModelRequest) -> ModelResponse:
    """The response, if it can be acted on.

    Raises:
        ModelError: it was cut off, or does not keep to the tool choice.
    """
    if response.finish_reason == "length":
        raise ModelError(f"the turn of model {response.model!r} was cut off at its token limit")
    if not fits_choice(request.tool_choice, response.message.calls):
        named = ", ".join(call.name for call in response.message.calls) or "no tool"
        raise ModelError(
            f"model {response.model!r} called {named}, but tool_choice is {request.tool_choice!r}"
        )
    return response
