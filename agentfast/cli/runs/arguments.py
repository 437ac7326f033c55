"""Arguments of `agentfast runs` and `agentfast resume`. Imports nothing heavy."""

from __future__ import annotations

import argparse
from pathlib import Path

from agentfast.cli.arguments import AddParser
from agentfast.cli.talk.agent_name import check_agent_name
from agentfast.errors import ConfigError

_JOURNAL = "the journal's file (default: runs.db)"


def add_runs(add: AddParser) -> argparse.ArgumentParser:
    """The parser of `agentfast runs`."""
    parser = add(
        "runs",
        help="list the runs of a journal, or show one",
        description="List the runs of a journal, the latest first, or show the records of one. A run whose process is gone "
        "before it ended is 'interrupted': `agentfast resume` goes on with it.",
    )
    parser.add_argument("run_id", nargs="?", metavar="RUN_ID", help="show this run")
    parser.add_argument("--journal", default="runs.db", metavar="FILE", help=_JOURNAL)
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="runs listed at most (default: 50)"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON for each run, or each record")
    return parser


def add_resume(add: AddParser) -> argparse.ArgumentParser:
    """The parser of `agentfast resume`."""
    parser = add(
        "resume",
        help="go on with a run of a journal",
        description="Go on with a run that was interrupted, paused, cancelled or failed, from its last record, and print its "
        "answer. Calls that wait for a decision are printed, and the command ends with code 5: run it again with --approve "
        "or --deny.",
    )
    parser.add_argument("run_id", metavar="RUN_ID", help="the run; `agentfast runs` lists them")
    parser.add_argument(
        "--agent", required=True, metavar="MODULE:NAME", help="the agent that the run was started with"
    )
    parser.add_argument("--journal", default="runs.db", metavar="FILE", help=_JOURNAL)
    parser.add_argument(
        "--approve", action="append", default=[], metavar="CALL_ID", help="let a call run that waits"
    )
    parser.add_argument(
        "--deny", action="append", default=[], metavar="CALL_ID[=REASON]", help="do not run a call that waits"
    )
    return parser


def check_runs(options: argparse.Namespace) -> None:
    """Check that there is such a file.

    Raises:
        ConfigError: there is none, or the limit is below 1.
    """
    _check_journal(options.journal)
    if options.limit < 1:
        raise ConfigError(f"--limit is {options.limit}; it takes a number from 1 on")


def check_resume(options: argparse.Namespace) -> None:
    """Check that there is such a file, and such a module.

    Raises:
        ConfigError: there is none, or a call is both approved and denied.
    """
    _check_journal(options.journal)
    check_agent_name(options.agent)
    both = set(options.approve) & {text.partition("=")[0] for text in options.deny}
    if both:
        raise ConfigError(f"call {min(both)!r} is both approved and denied")


def _check_journal(path: str) -> None:
    if not Path(path).is_file():
        raise ConfigError(f"--journal {path}: there is no such file", hint="it is made by Journal(path)")
