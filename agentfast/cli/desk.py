"""An agent at a desk of a small shop."""

from __future__ import annotations

import random

from agentfast.agent.agent import Agent
from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.models.base import Model
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, shop_tools

LIMITS = Limits(max_steps=8, max_identical_calls=None, tool_retries=None)
MAX_TOKENS = 256  # of a turn; none of the tasks takes half of it
SETTINGS = Settings(max_tokens=MAX_TOKENS)


def desk_agent(model: Model, shop: Shop, desk: str) -> Agent[None, str]:
    """The agent of a desk, with the desk's tools on that shop."""
    tools = {tool.name: tool for tool in shop_tools(shop)}
    names = DESKS[desk].tools
    return Agent(
        model,
        tools=[tools[name] for name in names],
        instructions=DESKS[desk].instructions[0],
        limits=LIMITS,
        settings=SETTINGS,
        name=desk,
    )


def open_shop(seed: int) -> Shop:
    """A shop of made-up customers, orders, products, events and messages."""
    return Shop.generate(random.Random(seed), "test")
