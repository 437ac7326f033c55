"""`agentfast bench`: diffusion against autoregressive agents, or gold calls replayed at chosen speeds."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sized
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import tokenizers

from agentfast import nano
from agentfast.chat.json import JsonChat
from agentfast.cli.bench.experiment import AUTOREGRESSIVE, DIFFUSION, Plan, Progress, run_plan
from agentfast.cli.bench.oracle.experiment import OracleFigures, run_oracle
from agentfast.cli.bench.oracle.model import Encode
from agentfast.cli.bench.oracle.paces import Pace
from agentfast.cli.bench.outside_baseline import OutsideBaseline, missing_libraries
from agentfast.cli.bench.report.plots import load_matplotlib, save_plots
from agentfast.cli.bench.report.regime import Regime
from agentfast.cli.bench.report.report import Report
from agentfast.cli.bench.report.table import number, show
from agentfast.cli.bench.seats import LocalSeat, Placement, Seat, open_seat
from agentfast.cli.process.exits import Exit, unwind_on_interrupt
from agentfast.errors import ConfigError
from agentfast.runtime.jit import cold_start
from agentfast.runtime.model.checkpoint.files import tokenizer_file

QUICK = {"concurrency": (1, 2), "tasks": 2, "repeats": 1, "outside_s": 1.0}


def bench_command(options: argparse.Namespace) -> Exit:
    """Run the benchmark; a call of a local model that breaks its schema is a failure."""
    unwind_on_interrupt()
    plan = make_plan(options)
    if options.oracle:
        return oracle_command(options, plan)
    if options.plots:
        load_matplotlib()  # rather now than after minutes
    cold_start.finish()
    report, invalid = asyncio.run(measure(options, plan))
    if options.out:
        write_json(Path(options.out), report.document())
    if options.plots:
        for path in save_plots(report, Path(options.plots)):
            print(f"wrote {path}", file=sys.stderr)
    if not options.json:
        show(report)
    print(json.dumps(report.line()))
    return Exit.FAILED if invalid else Exit.OK


def make_plan(options: argparse.Namespace) -> Plan:
    """The plan that the options ask for; options not given have the plan's defaults, or those of a quick run."""
    given = {
        "concurrency": tuple(sorted(set(options.concurrency))) if options.concurrency else None,
        "tasks": options.tasks,
        "repeats": options.repeats,
        "outside_s": 0.0 if options.no_outside else options.outside_seconds,
        "limit_s": None if options.limit is None else 60 * options.limit,
    }
    chosen = {name: value for name, value in given.items() if value is not None}
    defaults = QUICK if options.quick else {}
    return replace(Plan(seed=options.seed, temperature=options.temperature), **{**defaults, **chosen})


async def measure(options: argparse.Namespace, plan: Plan) -> tuple[Report, bool]:
    """The report, and True if a local model made an invalid call."""
    placement = Placement(options.device, options.dtype, options.threads)
    regime = Regime.now(plan, placement)
    seats = {
        DIFFUSION: open_seat(options.diffusion, placement),
        AUTOREGRESSIVE: open_seat(options.autoregressive, placement),
    }
    baseline, how = open_outside(seats[AUTOREGRESSIVE], plan, placement)
    runs = await run_plan(plan, seats[DIFFUSION], seats[AUTOREGRESSIVE], baseline, printer())
    if baseline is not None:
        how = f"{how}, {baseline.threads} of {regime.threads} threads, which was faster"
    report = Report(regime, {name: f"{seat.spec} ({seat.kind})" for name, seat in seats.items()}, how, runs)
    local = {name for name, seat in seats.items() if isinstance(seat, LocalSeat)}
    return report, any(cell.invalid_calls for cell in report.cells if cell.seat in local)


def open_outside(seat: Seat, plan: Plan, placement: Placement) -> tuple[OutsideBaseline | None, str]:
    """The outside baseline on a seat's weights with its description, or None with the reason."""
    if plan.outside_s == 0:
        return None, "not asked for"
    if (
        not isinstance(seat, LocalSeat)
        or seat.kind != "autoregressive"
        or not isinstance(seat.chat, JsonChat)
    ):
        return None, "it needs an autoregressive checkpoint that speaks the JSON chat format"
    if reason := missing_libraries():
        return None, reason
    baseline = OutsideBaseline(
        seat.path, temperature=plan.temperature, device=placement.device, dtype=placement.dtype
    )
    return baseline, f"transformers generate() with outlines on {seat.spec}, a plain loop"


def oracle_command(options: argparse.Namespace, plan: Plan) -> Exit:
    """Run the oracle experiment: gold calls at chosen speeds."""
    paces = [Pace.parse(text) for text in options.oracle]
    encode = open_tokenizer(options.tokenizer)
    results = asyncio.run(
        run_oracle(plan, paces, JsonChat(), encode, shared=options.shared_device, progress=printer())
    )
    entries = {
        pace: {str(agents): figures.entry() for agents, figures in found.items()}
        for pace, found in results.items()
    }
    regime = Regime.now(plan, Placement())
    document = {
        "regime": {"hardware": regime.hardware, "load": regime.load},
        "shared_device": options.shared_device,
    }
    if options.out:
        write_json(Path(options.out), document | {"oracle": entries})
    if not options.json:
        show_oracle(results, shared=options.shared_device)
    print(json.dumps({"oracle": entries}))
    wrong = any(figures.success < 1 for found in results.values() for figures in found.values())
    return Exit.FAILED if wrong else Exit.OK


def open_tokenizer(path: str | None) -> Encode:
    """A token counter over a tokenizer.json, or over the embedded model's.

    Raises:
        ConfigError: there is no such file, or it is no tokenizer.
    """
    try:
        tokenizer = tokenizers.Tokenizer.from_file(path or str(tokenizer_file(nano.WEIGHTS)))
    except Exception as error:  # tokenizers raises nothing narrower
        raise ConfigError(f"cannot read the tokenizer {path}: {error}") from error

    def encode(text: str) -> Sized:
        return tokenizer.encode(text, add_special_tokens=False)

    return encode


def show_oracle(results: dict[str, dict[int, OracleFigures]], *, shared: bool) -> None:
    """Print the oracle's figures as a table."""
    print(
        "Gold calls replayed through the same agents. Reading the prompt takes no time, "
        + (
            "and all requests share the speed."
            if shared
            else "and a request has its speed whatever else runs."
        )
    )
    print(
        f"{'speed':>14} {'agents':>6} {'p50 s':>8} {'p95 s':>8} {'device s':>9} {'tools ms':>9} {'framework':>16}"
    )
    for pace, found in results.items():
        for agents, figures in found.items():
            framework = f"{1000 * figures.framework_s:.1f} ms {figures.framework_share:6.1%}"
            print(
                f"{pace:>14} {agents:6} {number(figures.p50_s):>8} {number(figures.p95_s):>8} "
                f"{number(figures.device_s):>9} {1000 * figures.tools_s:9.2f} {framework:>16}"
            )


def printer() -> Progress:
    """A progress printer on standard error, with the seconds since the start."""
    began = perf_counter()

    def say(text: str) -> None:
        print(f"{perf_counter() - began:6.1f} s  {text}", file=sys.stderr, flush=True)

    return say


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write the report to a file."""
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
