"""The base of models that are made of models: what a model can do beside answering is asked of its parts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from agentfast.chat.base import TurnRules
from agentfast.errors import ModelError
from agentfast.messages import Message
from agentfast.models.base import (
    CheckingModel,
    CountingModel,
    Model,
    ModelEvent,
    ModelRequest,
    ModelResponse,
    PlainModel,
)
from agentfast.models.price import Price
from agentfast.models.process_bound import ProcessBound


@runtime_checkable
class _Closing(Protocol):
    async def aclose(self) -> None: ...


class ComposedModel(ProcessBound, PlainModel):
    """Base of models that are made of models.

    Attributes:
        parts: the models.
        count_tokens: counts the tokens of messages as the part does to which they are most. It is there only if a part
            can count.
    """

    parts: tuple[Model, ...]
    count_tokens: Callable[[Sequence[Message]], int]

    def __init__(self, parts: Iterable[Model], name: str) -> None:
        """Take the parts, and the name for logs and traces."""
        self.parts = tuple(parts)
        self._name = name
        if any(isinstance(part, CountingModel) for part in self.parts):
            self.count_tokens = self._most_tokens

    @property
    def name(self) -> str:
        return self._name

    @property
    def price(self) -> Price | None:
        """The most that a million tokens of a turn may cost; None if no part has a price.

        The cost of a turn is that of the parts that were asked, each at its own price.
        """
        prices: list[Any] = [price for part in self.parts if (price := getattr(part, "price", None))]
        if not prices:
            return None
        return Price(
            input=self._together(price.input for price in prices),
            output=self._together(price.output for price in prices),
        )

    @property
    def doubt(self) -> Any:
        """The treatment of doubtful calls that the first part with one asks for; None if none does."""
        found = (getattr(part, "doubt", None) for part in self.parts)
        return next((doubt for doubt in found if doubt is not None), None)

    def check(self, rules: TurnRules, unenforced: Sequence[str]) -> None:
        """Have each part check the rules.

        Raises:
            ConfigError, UnsupportedSchemaError: a part cannot keep to them.
        """
        for part in self.parts:
            if isinstance(part, CheckingModel):
                part.check(rules, unenforced)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the parts that can be closed."""
        for part in self.parts:
            if isinstance(part, _Closing):
                await part.aclose()

    def _together(self, prices: Iterable[float]) -> float:
        """The most that the parts charge for one turn: one of them is asked, unless a subclass asks several."""
        return max(prices)

    def _most_tokens(self, messages: Sequence[Message]) -> int:
        return max(part.count_tokens(messages) for part in self.parts if isinstance(part, CountingModel))


def written_by(model: Model, response: ModelResponse) -> ModelResponse:
    """The response, with the name of the model that wrote it."""
    return response if response.model else replace(response, model=model.name)


@asynccontextmanager
async def open_stream(model: Model, request: ModelRequest) -> AsyncGenerator[AsyncIterator[ModelEvent]]:
    """A model's stream, which is closed with the block: one that is left early would go on in the background."""
    stream = model.stream(request)
    try:
        yield stream
    finally:
        if isinstance(stream, _Closing):  # asynchronous generators are, other iterators need not be
            await stream.aclose()


@asynccontextmanager
async def open_events(model: Model, request: ModelRequest) -> AsyncGenerator[AsyncIterator[ModelEvent]]:
    """As `open_stream`; the response has the model's name, and a stream that ends without one raises a ModelError."""
    async with open_stream(model, request) as stream, aclosing(_to_the_response(model, stream)) as events:
        yield events


async def _to_the_response(model: Model, stream: AsyncIterator[ModelEvent]) -> AsyncGenerator[ModelEvent]:
    has_ended = False
    async for event in stream:
        if isinstance(event, ModelResponse):
            has_ended = True
            yield written_by(model, event)
        else:
            yield event
    if not has_ended:
        raise ModelError(f"model {model.name!r} ended its stream without a response")
