"""`agentfast run PROMPT`: one prompt, one answer on stdout."""

from __future__ import annotations

import argparse

from agentfast.cli.process.exits import Exit
from agentfast.cli.process.loop import event_loop
from agentfast.cli.talk.agents import open_partner
from agentfast.cli.talk.answer import answer, output_text, result_line


def run_command(options: argparse.Namespace) -> Exit:
    """Answer the prompt."""
    agent = open_partner(options).agent
    with event_loop(agent.model) as loop:
        result = loop.run(answer(agent, options.prompt, seed=options.seed, quiet=options.quiet))
    asked_for_json = options.schema is not None
    print(result_line(result) if options.json else output_text(result.output, as_json=asked_for_json))
    return Exit.OK
