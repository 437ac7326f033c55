"""Constrained generation in the worst case: a model that knows nothing must still write valid, whole JSON.

Every generation takes one of the schemas of bench/data/schemas.py, a temperature from 0 to 1.5, canvases of 16 to 128 tokens
and a budget from the fewest tokens that any valid text takes, and runs to its end, canvas after canvas.

- `--source logits` (default): fresh random logits at every denoising step, from flat to one-token-certain, through the
  posterior alone. Nothing in them helps: all structure comes from the grammar. Half of the runs never want to end.
- `--source model`: the engine, with a randomly initialised block-diffusion model.

Counted: complete (EOS within the budget), valid (`jsonschema`, formats asserted, and the grammar's own `accepts`),
truncated. `python -m bench.constrained [--n 10000] [--seed 0]`; the last line is JSON. Exit status 1 if any failed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from jsonschema import Draft202012Validator

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.exact import canvas_posterior
from bench.data.random_model import random_engine, random_tokenizer
from bench.data.schemas import SCHEMAS, closed

TEMPERATURES = (0.0, 0.3, 0.7, 1.0, 1.5)
CANVASES = (16, 32, 64, 128)
SPREADS = (0.0, 1.0, 8.0, 300.0)
BATCH = 32


@dataclass(frozen=True)
class Case:
    """One generation to run."""

    name: str
    grammar: Grammar
    temperature: float
    canvas: int
    budget: int
    seed: int


@dataclass(frozen=True)
class Result:
    """A generation's token ids without EOS; `complete`: EOS came within the budget."""

    case: Case
    tokens: list[int]
    complete: bool


@dataclass
class Tally:
    """Counts over generations."""

    generations: int = 0
    complete: int = 0
    valid: int = 0
    truncated: int = 0
    at_minimum: int = 0
    tokens: int = 0


def cases(count: int, seed: int, vocabulary: Vocabulary) -> Iterator[Case]:
    """Schemas in turn, everything else drawn; every fourth budget is the minimum."""
    draw = random.Random(seed)
    compiled = [
        (name, compile_schema(schema, whitespace="flexible" if flexible else "compact"))
        for flexible in (False, True)
        for name, schema in SCHEMAS.items()
    ]
    for index in range(count):
        name, grammar = compiled[index % len(compiled)]
        least = grammar.compile(vocabulary).min_tokens(0)
        budget = least + draw.choice(
            (0, draw.randrange(1, 4), draw.randrange(4, 40), draw.randrange(40, 300))
        )
        yield Case(
            name, grammar, draw.choice(TEMPERATURES), draw.choice(CANVASES), budget, draw.randrange(2**31)
        )


@dataclass
class _Run:
    """A generation under way."""

    case: Case
    random: np.random.Generator
    state: int
    left: int
    tokens: list[int]


def from_logits(chosen: Iterable[Case], vocabulary: Vocabulary) -> Iterator[Result]:
    """Denoise canvas after canvas on random logits, many rows in one posterior call."""
    waiting = iter(chosen)
    running: list[_Run] = []
    while True:
        while len(running) < BATCH and (case := next(waiting, None)) is not None:
            start = case.grammar.compile(vocabulary).start
            running.append(_Run(case, np.random.default_rng(case.seed), start, case.budget, []))
        if not running:
            return
        emitted = _denoise(running, vocabulary)
        still: list[_Run] = []
        for run, canvas in zip(running, emitted, strict=True):
            grammar = run.case.grammar.compile(vocabulary)
            for token in canvas[: run.left]:
                run.state = grammar.advance(run.state, int(token))
                if grammar.is_done(run.state):
                    break
                run.tokens.append(int(token))
            run.left -= run.case.canvas
            if grammar.is_done(run.state) or run.left <= 0:
                yield Result(run.case, run.tokens, grammar.is_done(run.state))
            else:
                still.append(run)
        running = still


def _denoise(running: list[_Run], vocabulary: Vocabulary) -> list[npt.NDArray[np.int64]]:
    """Two steps of denoising, the second independent of the first, as for a model that knows nothing."""
    emitted: list[npt.NDArray[np.int64]] = []
    for _ in range(2):
        rows = [_row(run, vocabulary) for run in running]
        emitted = []
        for run, result in zip(running, canvas_posterior(rows), strict=True):
            if isinstance(result, Exception):
                raise result
            emitted.append(result.best if run.case.temperature == 0 else result.sample)
    return emitted


def _row(run: _Run, vocabulary: Vocabulary) -> CanvasRow:
    case, drawn = run.case, run.random
    spread = float(drawn.choice(SPREADS))
    logits = drawn.standard_normal((case.canvas, vocabulary.size), np.float32) * np.float32(spread)
    if drawn.random() < 0.3:  # a collapsed model says the same everywhere
        logits[:] = logits[0]
    if case.seed % 2:  # a model that never wants to end: only the budget makes it
        logits[:, sorted(vocabulary.eos_ids)] = -1e4
    tempered = torch.from_numpy(logits / np.float32(case.temperature or 0.6))
    grammar = case.grammar.compile(vocabulary)
    return CanvasRow(tempered, grammar, run.state, run.left, drawn.random(case.canvas))


async def from_model(chosen: Iterable[Case], steps: int) -> list[Result]:
    """Run the engine with random weights."""
    from agentfast.runtime.scheduling.request import Request

    async with random_engine(steps) as engine:
        end = asyncio.Semaphore(4 * BATCH)

        async def one(case: Case) -> Result:
            async with end:
                prompt = tuple(np.random.default_rng(case.seed).integers(0, 256, 4).tolist())
                completion = await engine.submit(
                    Request(
                        prompt,
                        case.budget,
                        case.grammar,
                        case.seed,
                        case.temperature,
                        canvas_length=case.canvas,
                    )
                )
                return Result(case, list(completion.tokens), completion.finish_reason == "stop")

        return list(await asyncio.gather(*(one(case) for case in chosen)))


@cache
def judge(name: str) -> Draft202012Validator:
    """The independent validator of a schema."""
    return Draft202012Validator(closed(SCHEMAS[name]), format_checker=Draft202012Validator.FORMAT_CHECKER)


def count(results: Iterable[Result], vocabulary: Vocabulary) -> tuple[Tally, list[str]]:
    """Judge the results; also returns the failures in words."""
    tally, failures = Tally(), list[str]()
    for result in results:
        case = result.case
        text = b"".join(vocabulary.tokens[token] or b"" for token in result.tokens)
        used = len(result.tokens) + 1
        tally.generations += 1
        tally.complete += result.complete and used <= case.budget
        tally.truncated += not result.complete
        tally.at_minimum += case.budget == case.grammar.compile(vocabulary).min_tokens(0)
        tally.tokens += used
        valid = result.complete and case.grammar.accepts(text) and _is_valid(case.name, text)
        tally.valid += valid
        if not valid:
            failures.append(f"{case}: {text!r}")
    return tally, failures


def _is_valid(name: str, text: bytes) -> bool:
    try:
        return judge(name).is_valid(json.loads(text))
    except ValueError:
        return False


def report(tally: Tally, failures: list[str], seconds: float, source: str) -> dict[str, Any]:
    """The last line of the benchmark."""
    return {
        "source": source,
        "schemas": len(SCHEMAS),
        **vars(tally),
        "failures": failures[:5],
        "seconds": round(seconds, 1),
        "ms_per_generation": round(1e3 * seconds / max(tally.generations, 1), 2),
    }


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Constrained generation in the worst case; see the module.")
    parser.add_argument("--n", type=int, default=10_000, help="generations")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--source", choices=("logits", "model"), default="logits")
    parser.add_argument(
        "--steps", type=int, default=4, help="denoising steps per canvas at most, for --source model"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    vocabulary = random_tokenizer().vocabulary
    chosen = list(cases(options.n, options.seed, vocabulary))
    started = time.perf_counter()
    if options.source == "model":
        results: Iterable[Result] = asyncio.run(from_model(chosen, options.steps))
    else:
        results = from_logits(chosen, vocabulary)
    tally, failures = count(results, vocabulary)
    print(
        f"{len(SCHEMAS)} schemas in two whitespace styles, {vocabulary.size} tokens, source: {options.source}"
    )
    for failure in failures[:5]:
        print("failed:", failure)
    print(json.dumps(report(tally, failures, time.perf_counter() - started, options.source)))
    return int(tally.valid != tally.generations)


if __name__ == "__main__":
    sys.exit(main())
