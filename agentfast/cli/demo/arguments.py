"""The options of `agentfast demo`, and what can be checked of them early. Imports nothing heavy."""

from __future__ import annotations

import argparse

from agentfast.cli.arguments import AddParser, add_model, add_placement, add_seed, positive
from agentfast.cli.checks import check_checkpoint
from agentfast.errors import ConfigError


def add_demo(add: AddParser) -> argparse.ArgumentParser:
    """The parser of the command."""
    demo = add(
        "demo",
        help="watch dozens of agents work through tasks on one shared batch",
        description="Open a small shop's database and start agents over tasks that the embedded model never saw, all at "
        "once on one engine. Shows each agent's step and canvas, then a summary. Needs no network and no key.",
    )
    demo.add_argument(
        "--agents", type=positive, default=32, metavar="N", help="agents at work at once (default: 32)"
    )
    demo.add_argument(
        "--tasks", type=positive, metavar="N", help="tasks to work through (default: two for each agent)"
    )
    add_seed(demo, of="which tasks, and every random draw")
    demo.add_argument(
        "--json", action="store_true", help="no view; the last line is a JSON object of the figures"
    )
    demo.add_argument("--plain", action="store_true", help="a line for each task instead of the live view")
    add_model(demo)
    add_placement(demo)
    return demo


def check_demo(options: argparse.Namespace) -> None:
    """Check the options.

    Raises:
        ConfigError: one does not fit, or not beside another.
    """
    if options.json and options.plain:
        raise ConfigError("--json and --plain do not go together", hint="--json prints the figures alone")
    if options.model is not None:
        check_checkpoint(options.model)
    elif options.dtype is not None:
        raise ConfigError("--dtype needs --model", hint="the embedded model is float32")
