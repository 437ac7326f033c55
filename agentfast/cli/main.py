"""Parse the command line and run a command. Imports nothing heavy: `--help` and wrong arguments have to be instant."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from typing import NoReturn

from agentfast.cli.bench.arguments import add_bench
from agentfast.cli.bench.checks import check_bench
from agentfast.cli.demo.arguments import add_demo, check_demo
from agentfast.cli.mcp.arguments import add_mcp, check_mcp
from agentfast.cli.process.exits import EPILOG, WRITE_ERRORS, Exit, end_at_once_on_interrupt, report
from agentfast.cli.process.streams import abandon_output, prepare_streams
from agentfast.cli.runs.arguments import add_resume, add_runs, check_resume, check_runs
from agentfast.cli.schema.arguments import add_schema, check_schema
from agentfast.cli.talk.arguments import add_chat, add_run, check_agent_options, check_run
from agentfast.cli.warm import add_warm, check_warm, warm_command
from agentfast.errors import AgentFastError

Check = Callable[[argparse.Namespace], None]
Command = Callable[[argparse.Namespace], Exit]


def entry() -> NoReturn:
    """Run the command and end the process, without waiting for threads if it was interrupted."""
    end_at_once_on_interrupt()
    code = main()
    if code == Exit.INTERRUPTED:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `agentfast` command; the return value is the process's exit code (see `exits.Exit`)."""
    # torch's idle threads spin by default. Where the cores are shared, as in a container, a forward pass of a small
    # model then takes many times as long. It has to be said before torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    prepare_streams()
    try:
        try:
            return run(argv)
        finally:
            sys.stdout.flush()
    except AgentFastError as error:
        return report(error)
    except KeyboardInterrupt:
        print("agentfast: interrupted", file=sys.stderr)
        return Exit.INTERRUPTED
    except BrokenPipeError:
        abandon_output()  # whoever read it is gone
        return Exit.PIPE
    except OSError as error:
        if error.errno not in WRITE_ERRORS:
            raise
        abandon_output()
        print(f"agentfast: cannot write: {error.strerror}", file=sys.stderr)
        return Exit.FAILED


def run(argv: Sequence[str] | None) -> Exit:
    """Parse the arguments, check them, and run the command."""
    options = build_parser().parse_args(argv)
    check: Check = options.check
    command: Command = options.command
    check(options)
    return command(options)


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
    add_demo(commands.add_parser).set_defaults(check=check_demo, command=run_demo)
    add_run(commands.add_parser).set_defaults(check=check_run, command=run_run)
    add_chat(commands.add_parser).set_defaults(check=check_agent_options, command=run_chat)
    add_schema(commands.add_parser).set_defaults(check=check_schema, command=run_schema)
    add_bench(commands.add_parser).set_defaults(check=check_bench, command=run_bench)
    add_runs(commands.add_parser).set_defaults(check=check_runs, command=run_runs)
    add_resume(commands.add_parser).set_defaults(check=check_resume, command=run_resume)
    add_mcp(commands.add_parser).set_defaults(check=check_mcp, command=run_mcp)
    add_warm(commands.add_parser).set_defaults(check=check_warm, command=warm_command)
    return parser


class VersionAction(argparse.Action):
    """Print the installed version; read only when asked for, because metadata costs milliseconds."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"agentfast {metadata.version('agentfast')}")
        parser.exit()


def run_demo(options: argparse.Namespace) -> Exit:
    from agentfast.cli.demo.command import demo_command

    return demo_command(options)


def run_run(options: argparse.Namespace) -> Exit:
    from agentfast.cli.talk.run import run_command

    return run_command(options)


def run_chat(options: argparse.Namespace) -> Exit:
    from agentfast.cli.talk.chat import chat_command

    return chat_command(options)


def run_schema(options: argparse.Namespace) -> Exit:
    from agentfast.cli.schema.command import schema_command

    return schema_command(options)


def run_runs(options: argparse.Namespace) -> Exit:
    from agentfast.cli.runs.command import runs_command

    return runs_command(options)


def run_resume(options: argparse.Namespace) -> Exit:
    from agentfast.cli.runs.command import resume_command

    return resume_command(options)


def run_mcp(options: argparse.Namespace) -> Exit:
    from agentfast.cli.mcp.command import mcp_command

    return mcp_command(options)


def run_bench(options: argparse.Namespace) -> Exit:
    from agentfast.cli.bench.command import bench_command

    return bench_command(options)


if __name__ == "__main__":
    entry()
