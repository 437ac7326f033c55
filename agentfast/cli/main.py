"""Parse the command line and run a command. Imports nothing heavy: `--help` has to be instant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib import metadata

from agentfast.cli.arguments import AddParser, positive
from agentfast.cli.bench.arguments import add_bench
from agentfast.cli.exits import EPILOG, Exit, report
from agentfast.errors import AgentFastError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `agentfast` command; the return value is the process's exit code (see `exits.Exit`)."""
    # torch's idle threads spin by default. Where the cores are shared, as in a container, a forward pass of a small
    # model then takes many times as long. It has to be said before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        options = build_parser().parse_args(argv)
        command: Callable[[argparse.Namespace], Exit] = options.command
        code = command(options)
        sys.stdout.flush()
        return code
    except AgentFastError as error:
        return report(error)
    except KeyboardInterrupt:
        print("agentfast: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output is gone. Point stdout elsewhere, or the interpreter complains when it flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.PIPE


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="agentfast",
        description="Agents on a block-diffusion language model: one batch, every tool call valid by construction.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=VersionAction)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    add_demo(commands.add_parser)
    add_run(commands.add_parser)
    add_chat(commands.add_parser)
    add_schema(commands.add_parser)
    add_bench(commands.add_parser).set_defaults(command=run_bench)
    return parser


class VersionAction(argparse.Action):
    """Print the installed version; read only when asked for, because metadata costs milliseconds."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"agentfast {metadata.version('agentfast')}")
        parser.exit()


DESKS = ("calendar", "customers", "messages", "orders", "stock")


def add_demo(add: AddParser) -> None:
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
    demo.add_argument("--seed", type=int, default=0, help="which tasks, and every random draw (default: 0)")
    demo.add_argument(
        "--json", action="store_true", help="no view; the last line is a JSON object of the figures"
    )
    demo.add_argument("--plain", action="store_true", help="a line for each task instead of the live view")
    add_model(demo)
    demo.set_defaults(command=run_demo)


def add_run(add: AddParser) -> None:
    run = add(
        "run",
        help="give one prompt to an agent",
        description="Give one prompt to an agent at a desk of a small shop. The answer goes to standard output, the "
        "tool calls and their results to standard error.",
    )
    run.add_argument("prompt", metavar="PROMPT", help="what to ask; - reads it from standard input")
    run.add_argument("--quiet", action="store_true", help="do not show the tool calls")
    add_desk(run)
    add_model(run)
    run.set_defaults(command=run_run)


def add_chat(add: AddParser) -> None:
    chat = add(
        "chat",
        help="talk to an agent",
        description="Talk to an agent at a desk of a small shop. An empty line or Ctrl-D ends the conversation.",
    )
    add_desk(chat)
    add_model(chat)
    chat.set_defaults(command=run_chat)


def add_desk(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--desk", choices=DESKS, default="orders", help="whose tools it has (default: orders)"
    )
    parser.add_argument("--shop", type=int, default=0, metavar="N", help="which made-up shop (default: 0)")
    parser.add_argument("--seed", type=int, default=0, help="of every random draw (default: 0)")


def add_schema(add: AddParser) -> None:
    schema = add(
        "schema",
        help="compile a JSON Schema: what it costs, or why it is refused",
        description="Compile a JSON Schema to a grammar and report its size, or the keyword that is not enforced exactly.",
        epilog="With --explain a refused schema's explanation is on standard output and the error on standard error.",
    )
    schema.add_argument("file", metavar="FILE", help="a JSON file; - reads standard input")
    schema.add_argument(
        "--whitespace",
        choices=("compact", "spaced", "flexible"),
        default="compact",
        help="none, as json.dumps writes it, or as models do (default: compact)",
    )
    schema.add_argument(
        "--open",
        action="store_true",
        help="read everything as JSON Schema has it: objects are open, unknown keywords say nothing, values have every "
        "spelling",
    )
    schema.add_argument(
        "--order",
        choices=("declared", "any"),
        help="of properties (default: declared, with --open any)",
    )
    schema.add_argument("--ignore-format", action="store_true", help="formats are annotations")
    schema.add_argument(
        "--documents",
        metavar="DIR",
        help="a folder with the JSON files that $ref may lead to, by their path in it and by their $id",
    )
    schema.add_argument(
        "--explain",
        action="store_true",
        help="also show sampled instances, what each field costs, the limits, and how keywords are read; "
        "for a refused schema, how to rewrite it",
    )
    schema.add_argument(
        "--samples", type=positive, default=3, metavar="N", help="instances that --explain draws (default: 3)"
    )
    schema.add_argument("--seed", type=int, default=0, help="of the drawn instances (default: 0)")
    schema.add_argument("--json", action="store_true", help="print the report as one JSON line")
    add_model(schema)
    schema.set_defaults(command=run_schema)


def add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", metavar="PATH", help="a checkpoint directory (default: the embedded model)"
    )


def run_demo(options: argparse.Namespace) -> Exit:
    from agentfast.cli.demo.command import demo_command

    return demo_command(options)


def run_run(options: argparse.Namespace) -> Exit:
    from agentfast.cli.run import run_command

    return run_command(options)


def run_chat(options: argparse.Namespace) -> Exit:
    from agentfast.cli.chat import chat_command

    return chat_command(options)


def run_schema(options: argparse.Namespace) -> Exit:
    from agentfast.cli.schema.command import schema_command

    return schema_command(options)


def run_bench(options: argparse.Namespace) -> Exit:
    from agentfast.cli.bench.command import bench_command

    return bench_command(options)
