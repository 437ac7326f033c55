"""Fallback: the next model answers where one fails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

from agentfast.errors import (
    AbortedError,
    AllModelsFailedError,
    ConfigError,
    EngineError,
    ModelError,
    ModelFaultError,
)
from agentfast.models.base import (
    CanvasState,
    Model,
    ModelEvent,
    ModelRequest,
    ModelResponse,
    TextChunk,
    check_model,
)
from agentfast.models.composed.parts import ComposedModel, open_events, written_by
from agentfast.tools.checks import check_text, refuse

Failures = type[Exception] | Sequence[type[Exception]] | Callable[[Exception], bool]
"""Exceptions, by their classes or by a function that tells them."""


def another_may_answer(error: Exception) -> bool:
    """True for failures of a model or an engine that another one need not have: not for bugs, nor for aborted requests."""
    return isinstance(error, (ModelError, EngineError)) and not isinstance(
        error, (AbortedError, ModelFaultError)
    )


class FirstThatWorks(ComposedModel):
    """Asks the first model, and the next one where it fails, and so on.

    A model that retries by itself is asked the next time only after its retries: give `max_retries=0` to all but the last.
    A stream goes on with the next model as long as nothing that stands was shown: once a piece of text or a committed
    canvas was, the failure is the turn's. Drafts do not stand: the canvases of the next model begin anew.
    """

    def __init__(self, *models: Model, on: Failures = another_may_answer, name: str | None = None) -> None:
        """
        Args:
            models: in the order in which they are asked.
            on: failures that lead to the next model: a class of exceptions, several, or a function of the exception. Others
                are the turn's at once.
            name: for logs and traces; None: made of the models'.

        Raises:
            ConfigError: there is no model, or an argument is something else than it takes.
        """
        if not models:
            raise ConfigError("FirstThatWorks has no model", hint="FirstThatWorks(first, second)")
        for index, model in enumerate(models):
            check_model(f"model {index} of FirstThatWorks", model)
        if name is not None:
            check_text("name", name)
        super().__init__(models, name or " or ".join(model.name for model in models))
        self._leads_on = _test_of(on)

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The response of the first model that works.

        Raises:
            AllModelsFailedError: none does; it has the errors of all.
            Exception: a failure that does not lead to the next model.
        """
        errors: list[Exception] = []
        for model in self.parts:
            try:
                return written_by(model, await model.respond(request))
            except Exception as error:
                if not self._leads_on(error):
                    raise
                errors.append(error)
        raise self._all_failed(errors) from errors[-1]

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The events of the first model that works. Raises as `respond`, and what fails once something that stands was shown."""
        errors: list[Exception] = []
        for model in self.parts:
            stands = False
            try:
                async with open_events(model, request) as events:
                    async for event in events:
                        stands = stands or isinstance(event, TextChunk) or _is_committed(event)
                        yield event
                return
            except Exception as error:
                if not self._leads_on(error):
                    raise
                if stands:
                    error.add_note("No other model was asked, as a part of the turn had been shown already.")
                    raise
                errors.append(error)
        raise self._all_failed(errors) from errors[-1]

    def _all_failed(self, errors: Sequence[Exception]) -> AllModelsFailedError:
        return AllModelsFailedError([part.name for part in self.parts], errors)


def _is_committed(event: ModelEvent) -> bool:
    return isinstance(event, CanvasState) and event.committed


def _test_of(on: object) -> Callable[[Exception], bool]:
    """The function that tells whether a failure leads to the next model.

    Raises:
        ConfigError: `on` is neither classes of exceptions nor a function.
    """
    given: object = on
    kinds: Sequence[object] = cast("Sequence[object]", on) if isinstance(on, (tuple, list)) else (given,)
    classes = tuple(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception))
    if classes and len(classes) == len(kinds):
        return lambda error: isinstance(error, classes)
    if isinstance(given, type) or not callable(given):
        refuse("on", given, "a class of exceptions, a list of them, or a function of an exception")
    return cast("Callable[[Exception], bool]", given)
