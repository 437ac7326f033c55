"""Prices of a model's tokens, and the cost of turns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from agentfast.models.base import ModelResponse, ModelUsage
from agentfast.tools.checks import check_number, refuse

_TOKENS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """Money for a million tokens, in one unit for all models of a program.

    Attributes:
        input: of prompts.
        output: that the model generates, its reasoning included.
        cached_input: of prompts that the server had computed before; None: as `input`.
    """

    input: float
    output: float
    cached_input: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigError: one is no number of at least 0.
        """
        check_number("Price(input=...)", self.input, least=0)
        check_number("Price(output=...)", self.output, least=0)
        check_number("Price(cached_input=...)", self.cached_input, least=0, optional=True)


def check_price(price: object) -> None:
    """A Price, or None.

    Raises:
        ConfigError: it is something else.
    """
    if price is not None and not isinstance(price, Price):
        refuse("price", price, "Price(input=..., output=...), or None")


def cost_of(usage: ModelUsage, price: Price) -> float:
    """The cost of the tokens, in the unit of the price."""
    cached = min(usage.cached_tokens, usage.prompt_tokens)
    cached_price = price.input if price.cached_input is None else price.cached_input
    fresh = usage.prompt_tokens - cached
    return (fresh * price.input + cached * cached_price + usage.generated_tokens * price.output) / _TOKENS


def priced(response: ModelResponse, price: Price | None) -> ModelResponse:
    """The response with its cost; without a price, or with a cost already, as it is."""
    if price is None or response.usage.cost is not None:
        return response
    return replace(response, usage=replace(response.usage, cost=cost_of(response.usage, price)))
