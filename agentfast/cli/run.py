"""`agentfast run PROMPT`: one prompt, one answer on stdout."""

from __future__ import annotations

import argparse
import asyncio
import sys

from agentfast.cli.desk import answer, desk_agent, open_shop
from agentfast.cli.exits import Exit
from agentfast.cli.model import open_model
from agentfast.errors import ConfigError


def run_command(options: argparse.Namespace) -> Exit:
    """Answer the prompt."""
    prompt: str = sys.stdin.read().strip() if options.prompt == "-" else options.prompt
    if not prompt:
        raise ConfigError(
            "the prompt is empty", hint="say what to do, e.g. agentfast run 'Which products are low?'"
        )
    print(asyncio.run(answer_once(prompt, options)))
    return Exit.OK


async def answer_once(prompt: str, options: argparse.Namespace) -> str:
    """The agent's answer."""
    async with open_model(options.model) as model:
        agent = desk_agent(model, open_shop(options.shop), options.desk)
        result = await answer(agent, prompt, seed=options.seed, quiet=options.quiet)
    return result.output
