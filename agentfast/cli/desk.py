"""An agent at a desk of a small shop, for `agentfast run` and `agentfast chat`."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Sequence
from contextlib import aclosing

from agentfast.agent.agent import Agent
from agentfast.agent.events import CallsProposed, RunFinished, ToolFinished
from agentfast.agent.limits import Limits, Settings
from agentfast.agent.result import RunResult
from agentfast.messages import Message
from agentfast.models.base import Model
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, shop_tools

LIMITS = Limits(max_steps=8)
MAX_TOKENS = 256  # of a turn; none of the tasks takes half of it
SETTINGS = Settings(max_tokens=MAX_TOKENS)


def desk_agent(model: Model, shop: Shop, desk: str) -> Agent[str]:
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


async def answer(
    agent: Agent[str], prompt: str, *, history: Sequence[Message] = (), seed: int = 0, quiet: bool = False
) -> RunResult[str]:
    """Run the agent; unless quiet, calls and their results go to stderr as they happen."""
    async with aclosing(agent.stream(prompt, history=history, seed=seed)) as events:
        async for event in events:
            match event:
                case RunFinished(result=result):
                    return result
                case CallsProposed(calls=calls) if not quiet:
                    for call in calls:
                        arguments = json.dumps(call.arguments, ensure_ascii=False)
                        print(f"-> {call.name} {arguments}", file=sys.stderr)
                case ToolFinished(result=outcome) if not quiet:
                    print(f"<- {outcome.content}", file=sys.stderr)
                case _:
                    pass
    raise AssertionError("a stream ends with RunFinished or raises")
