"""Routing: a function chooses the model of each turn."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import cast

from agentfast.errors import ConfigError
from agentfast.models.base import Model, ModelEvent, ModelRequest, ModelResponse, check_model
from agentfast.models.composed.parts import ComposedModel, open_events, written_by
from agentfast.tools.checks import check_list, check_text, closest, listed, refuse, shown

Choice = str | Model
Choose = Callable[[ModelRequest], Choice | Awaitable[Choice]]


class Router(ComposedModel):
    """Asks the model that a function chooses for each turn."""

    def __init__(
        self, choose: Choose, models: Mapping[str, Model] | Iterable[Model], *, name: str = "router"
    ) -> None:
        """
        Args:
            choose: gets the request and gives the name of one of the models, or the model itself; sync or async. It is
                asked at each turn, so that a conversation may change models.
            models: by name, or a list, of which each has its own name.
            name: for logs and traces.

        Raises:
            ConfigError: an argument is something else than it takes, there is no model, or two have one name.
        """
        if not callable(choose):
            refuse("choose", choose, "a function from a request to the name of a model")
        check_text("name", name)
        self._models = _by_name(models)
        self._choose = choose
        super().__init__(self._models.values(), name)

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The response of the chosen model.

        Raises:
            ConfigError: the function chose something else than one of the models.
            AgentFastError: the model failed.
        """
        model = await self._chosen(request)
        return written_by(model, await model.respond(request))

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The events of the chosen model. Raises as `respond`."""
        async with open_events(await self._chosen(request), request) as events:
            async for event in events:
                yield event

    async def _chosen(self, request: ModelRequest) -> Model:
        choice: object = self._choose(request)
        if inspect.isawaitable(choice):
            choice = await choice
        if isinstance(choice, str) and choice in self._models:
            return self._models[choice]
        for model in self.parts:
            if model is choice:
                return model
        hint = closest(choice, self._models) if isinstance(choice, str) else None
        names = listed([repr(name) for name in self._models])
        raise ConfigError(
            f"{self.name} chose {shown(choice)}; it takes one of its models: {names}", hint=hint
        )


def _by_name(models: object) -> dict[str, Model]:
    """The models by name.

    Raises:
        ConfigError: there is none, one is no model, or two have one name.
    """
    if isinstance(models, Mapping):
        named = list(cast("Mapping[object, object]", models).items())
    else:
        given = list(check_list("models", models, "models by name, or a list of models"))
        named = [(getattr(model, "name", ""), model) for model in given]
    found: dict[str, Model] = {}
    for name, model in named:
        check_text("the name of a model", name)
        check_model(f"models[{name!r}]", model)
        if name in found:
            raise ConfigError(
                f"two models have the name {name!r}", hint="give them by name: {'a': first, 'b': second}"
            )
        found[cast("str", name)] = cast("Model", model)
    if not found:
        raise ConfigError("models is empty; it takes at least one model")
    return found
