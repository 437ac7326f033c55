"""Measure a model on held-out tasks: `python -m agentfast.nano.training.evaluation.evaluate`.

Agents work on tasks whose phrasings, values, invented tools and shapes of chains never occur in training, each on a
shop of its own.
Ends with one JSON line: success for each kind of task, and the denoising steps per canvas.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from agentfast.cli.demo.board import Board
from agentfast.cli.demo.play import play
from agentfast.cli.demo.report import Speed, TaskResult
from agentfast.models.local.model import LocalModel
from agentfast.nano import WEIGHTS
from agentfast.nano.shop.splits import Split
from agentfast.nano.tasks import Kind, generate_tasks

KINDS: tuple[Kind, ...] = ("single", "parallel", "chain", "no_tool", "random")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores of one model. `success` is the share of right tasks, by kind and over all kinds alike ("mean")."""

    tasks_per_kind: int
    success: dict[str, float]
    invalid_calls: int
    steps_per_canvas: float
    tokens_per_forward: float


async def evaluate(
    model: LocalModel, tasks_per_kind: int, *, agents: int = 32, seed: int = 0, split: Split = "test"
) -> Evaluation:
    """Run the tasks of every kind, all kinds in one batch."""
    tasks = [task for kind in KINDS for task in generate_tasks(seed, tasks_per_kind, split, {kind: 1.0})]
    before = model.engine.metrics.snapshot()
    results = await play(model, tasks, Board.of(agents, len(tasks), model.name), seed=seed)
    speed = Speed.between(before, model.engine.metrics.snapshot())
    return Evaluation(
        tasks_per_kind=tasks_per_kind,
        success=success_by_kind(results),
        invalid_calls=sum(result.invalid_calls for result in results),
        steps_per_canvas=round(speed.steps_per_canvas, 2),
        tokens_per_forward=round(speed.tokens_per_forward, 2),
    )


def success_by_kind(results: Sequence[TaskResult]) -> dict[str, float]:
    """Share of right results for each kind, and the mean over kinds."""
    shares: dict[str, float] = {}
    for kind in KINDS:
        right = [result.right for result in results if result.kind == kind]
        shares[kind] = round(sum(right) / len(right), 3)
    return shares | {"mean": round(sum(shares.values()) / len(shares), 3)}


async def run(options: argparse.Namespace) -> Evaluation:
    """Open the model, evaluate it, close it."""
    async with LocalModel.from_checkpoint(options.model) as model:
        return await evaluate(
            model, options.tasks, agents=options.agents, seed=options.seed, split=options.split
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; see --help."""
    parser = argparse.ArgumentParser(
        prog="python -m agentfast.nano.training.evaluation.evaluate", description=__doc__
    )
    parser.add_argument("--model", type=Path, default=WEIGHTS, help="a checkpoint directory")
    parser.add_argument("--tasks", type=int, default=100, help="of each kind")
    parser.add_argument("--agents", type=int, default=32, help="at work at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--split", choices=get_args(Split), default="test", help="train shows what is learned by heart"
    )
    evaluation = asyncio.run(run(parser.parse_args(arguments)))
    sys.stdout.write(json.dumps(asdict(evaluation)) + "\n")


if __name__ == "__main__":
    main()
