"""`agentfast chat`: prompts from the terminal, one conversation."""

from __future__ import annotations

import argparse
import asyncio
import sys

from agentfast.agent.agent import Agent
from agentfast.cli.desk import answer, desk_agent, open_shop
from agentfast.cli.exits import Exit, report
from agentfast.cli.model import open_model
from agentfast.errors import AgentFastError
from agentfast.messages import Message
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS


def chat_command(options: argparse.Namespace) -> Exit:
    """Talk until an empty line or the end of the input."""
    return asyncio.run(talk(options))


async def talk(options: argparse.Namespace) -> Exit:
    """Continue one conversation turn by turn; a failed turn is reported and forgotten."""
    shop = open_shop(options.shop)
    if sys.stdin.isatty():
        print(greeting(shop, options.desk))
    async with open_model(options.model) as model:
        agent = desk_agent(model, shop, options.desk)
        history: tuple[Message, ...] = ()
        seed = options.seed
        while prompt := await read_line():
            history = await turn(agent, prompt, history, seed)
            seed += 1
    return Exit.OK


async def turn(
    agent: Agent[str], prompt: str, history: tuple[Message, ...], seed: int
) -> tuple[Message, ...]:
    """The conversation after one more prompt."""
    try:
        result = await answer(agent, prompt, history=history, seed=seed)
    except AgentFastError as error:
        report(error)
        return history
    print(result.output)
    return result.messages


async def read_line() -> str:
    """The next prompt, "" at the end of the input. Reads in a thread, so that the engine's loop goes on."""
    try:
        return (await asyncio.to_thread(input, "> " if sys.stdin.isatty() else "")).strip()
    except EOFError:
        return ""


def greeting(shop: Shop, desk: str) -> str:
    """Examples of rows to ask about: the shop is made up, so nobody knows it."""
    customers = [f"{name} ({number})" for number, name in shop.rows("select id, name from customers limit 2")]
    products = [f"{name} ({number})" for number, name in shop.rows("select id, name from products limit 2")]
    orders = [str(number) for (number,) in shop.rows("select id from orders limit 3")]
    events = [title for (title,) in shop.rows("select title from events limit 2")]
    return (
        f"{DESKS[desk].instructions[0]} Tools: {', '.join(DESKS[desk].tools)}.\n"
        f"There are customers such as {' and '.join(customers)}, products such as {' and '.join(products)}, orders "
        f"such as {' and '.join(orders)}, and events such as {' and '.join(events)}. An empty line ends the chat."
    )
