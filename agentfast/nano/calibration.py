"""Is a model as often right as it is sure? `python -m agentfast.nano.calibration --tasks 300`.

Each turn of each held-out task's solution is asked for, after the gold turns before it, and what the model writes is
compared with the gold calls: the tool's name, each argument of a call whose name is right, and each call as a whole.
A request that nothing serves has no gold call, so any call is wrong there. Prints the reliability of each, the numbers
of which mean: ECE the average distance of confidence and share of right ones, over ten bins; Brier the mean squared
error; AUROC how well right ones are told from wrong ones (0.5: not at all). Ends with one JSON line.

A checkpoint's `confidence_temperature` is the number among `--temperatures` of the least log loss over fields.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from agentfast.chat.json import JsonChat
from agentfast.chat.signature import dump_json
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.local import LocalModel
from agentfast.nano import WEIGHTS
from agentfast.nano.world import Kind, Task, generate_tasks
from agentfast.runtime.engine import Engine
from agentfast.runtime.model.loader import LoadedCheckpoint, load_checkpoint
from agentfast.runtime.settings import EngineConfig

MIX: dict[Kind, float] = {"single": 0.3, "parallel": 0.15, "chain": 0.3, "no_tool": 0.1, "random": 0.15}
BINS = 10
SORTS = ("field", "name", "argument", "call: whole", "call: lowest")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One thing that the model wrote: what it is, how sure it was, whether it was right."""

    what: str
    confidence: float
    right: bool


@dataclass(frozen=True, slots=True)
class Reliability:
    """Of one sort of judgement. `bins` are (mean confidence, share right, count) for each tenth that has any."""

    count: int
    right: float
    ece: float
    brier: float
    log_loss: float
    auroc: float | None
    bins: tuple[tuple[float, float, int], ...]

    @classmethod
    def of(cls, judgements: Sequence[Judgement]) -> Reliability:
        """Measure."""
        p = np.array([judgement.confidence for judgement in judgements], np.float64)
        right = np.array([judgement.right for judgement in judgements], np.float64)
        place = np.minimum((p * BINS).astype(int), BINS - 1)
        found = [(p[place == b], right[place == b]) for b in range(BINS)]
        bins = [(float(ps.mean()), float(rs.mean()), len(ps)) for ps, rs in found if len(ps)]
        clipped = p.clip(1e-6, 1 - 1e-6)
        return cls(
            count=len(p),
            right=round(float(right.mean()), 4),
            ece=round(sum(n * abs(mean - share) for mean, share, n in bins) / len(p), 4),
            brier=round(float(((p - right) ** 2).mean()), 4),
            log_loss=round(-float(np.log(np.where(right > 0, clipped, 1 - clipped)).mean()), 4),
            auroc=auroc(p, right),
            bins=tuple((round(mean, 4), round(share, 4), n) for mean, share, n in bins),
        )


def auroc(p: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float | None:
    """Probability that a right one has the greater confidence than a wrong one, ties half; None without both."""
    good, bad = np.sort(p[right > 0]), p[right == 0]
    if not len(good) or not len(bad):
        return None
    above = len(good) - np.searchsorted(good, bad, "right")
    equal = np.searchsorted(good, bad, "right") - np.searchsorted(good, bad, "left")
    return round(float((above + 0.5 * equal).sum() / (len(good) * len(bad))), 4)


async def judge(model: LocalModel, tasks: Sequence[Task], *, agents: int = 32) -> list[Judgement]:
    """Ask for every turn of calls of the tasks, and judge what comes."""
    free = asyncio.Semaphore(agents)

    async def ask(request: ModelRequest, gold: Sequence[ToolCall]) -> list[Judgement]:
        async with free:
            response = await model.respond(request)
        return compare(response.message.calls, gold)

    asked = [ask(*turn) for index, task in enumerate(tasks) for turn in turns(task, index)]
    return [judgement for judgements in await asyncio.gather(*asked) for judgement in judgements]


def turns(task: Task, seed: int) -> list[tuple[ModelRequest, Sequence[ToolCall]]]:
    """The requests of a task, each after the gold turns before it, and the gold calls of each."""
    messages: list[Message] = [SystemMessage(task.instructions), UserMessage(task.prompt)]
    definitions = tuple(tool.definition for tool in task.tools)
    found: list[tuple[ModelRequest, Sequence[ToolCall]]] = []
    for turn in task.solution.turns:
        found.append((ModelRequest(tuple(messages), definitions, seed=seed), turn.calls))
        messages.append(AssistantMessage(calls=turn.calls))
        messages += [
            ToolMessage(dump_json(result), call.name)
            for call, result in zip(turn.calls, turn.results, strict=True)
        ]
    return found or [(ModelRequest(tuple(messages), definitions, seed=seed), ())]


def compare(calls: Sequence[ToolCall], gold: Sequence[ToolCall]) -> list[Judgement]:
    """Judge calls by the gold calls of the turn, each of which is matched with one call at most."""
    left = list(gold)
    found: list[Judgement] = []
    for call in calls:
        sure = call.confidence
        if sure is None:
            raise ValueError("the model gives no confidence")
        same = [other for other in left if other.name == call.name]
        match = max(same, key=lambda other: agreement(call, other), default=None)
        right = match is not None and match.arguments == call.arguments
        found += [
            Judgement("name", sure["name"], match is not None),
            Judgement("call: whole", sure.whole, right),
            Judgement("call: lowest", sure.lowest, right),
        ]
        if match is None:
            continue
        left.remove(match)
        expected = leaves({"arguments": match.arguments})
        written = leaves({"arguments": call.arguments})
        found += [
            Judgement("argument", sure[path], expected.get(path, left) == value)
            for path, value in written.items()
        ]
    return found


def agreement(call: ToolCall, other: ToolCall) -> int:
    """How many arguments two calls have in common."""
    return sum(other.arguments.get(key, call) == value for key, value in call.arguments.items())


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Values by path, as confidence has them."""
    pairs: Iterable[tuple[object, Any]] = ()
    if isinstance(value, dict):
        pairs = cast("dict[object, Any]", value).items()
    elif isinstance(value, list):
        pairs = enumerate(cast("Sequence[Any]", value))
    inner = {
        k: v for key, item in pairs for k, v in leaves(item, f"{path}.{key}" if path else str(key)).items()
    }
    return inner or {path: value}


def reliabilities(judgements: Sequence[Judgement]) -> dict[str, Reliability]:
    """The reliability of each sort of judgement, and of all fields."""
    sorts: defaultdict[str, list[Judgement]] = defaultdict(list)
    for judgement in judgements:
        sorts[judgement.what].append(judgement)
        if judgement.what in ("name", "argument"):
            sorts["field"].append(judgement)
    return {what: Reliability.of(sorts[what]) for what in SORTS if sorts[what]}


async def measure(
    checkpoint: LoadedCheckpoint, tasks: Sequence[Task], temperature: float, agents: int
) -> dict[str, Reliability]:
    """The reliabilities at a temperature."""
    generation = replace(checkpoint.generation, confidence_temperature=temperature)
    engine = Engine(checkpoint.model, checkpoint.tokenizer, EngineConfig(generation=generation))
    async with LocalModel(engine, JsonChat()) as model:
        return reliabilities(await judge(model, tasks, agents=agents))


def table(found: Mapping[str, Reliability]) -> str:
    """The curve as Markdown: for each tenth of confidence the share of right ones and their number."""
    lines = ["| confidence | " + " | ".join(found) + " |", "|---" * (len(found) + 1) + "|"]
    for place in range(BINS):
        cells = [
            next(
                (f"{share:.2f} ({n})" for low, share, n in r.bins if min(int(low * BINS), BINS - 1) == place),
                "",
            )
            for r in found.values()
        ]
        if any(cells):
            lines.append(f"| {place / BINS:.1f} to {(place + 1) / BINS:.1f} | " + " | ".join(cells) + " |")
    rows: dict[str, list[object]] = {
        "count": [r.count for r in found.values()],
        "right": [r.right for r in found.values()],
        "ECE": [r.ece for r in found.values()],
        "Brier": [r.brier for r in found.values()],
        "log loss": [r.log_loss for r in found.values()],
        "AUROC": [r.auroc for r in found.values()],
    }
    lines += [f"| {name} | " + " | ".join(map(str, cells)) + " |" for name, cells in rows.items()]
    return "\n".join(lines)


def plot(found: Mapping[str, Reliability], path: Path) -> None:
    """Draw the curves; needs matplotlib."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for what, reliability in found.items():
        axes.plot(
            [mean for mean, _, _ in reliability.bins],
            [share for _, share, _ in reliability.bins],
            marker="o",
            label=f"{what}, ECE {reliability.ece:.3f}",
        )
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    figure.savefig(path, dpi=120)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; see --help."""
    parser = argparse.ArgumentParser(prog="python -m agentfast.nano.calibration", description=__doc__)
    parser.add_argument("--model", type=Path, default=WEIGHTS, help="a checkpoint directory")
    parser.add_argument("--tasks", type=int, default=300)
    parser.add_argument("--agents", type=int, default=32, help="turns at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--temperatures", type=float, nargs="*", default=[], help="to compare; none: the checkpoint's own"
    )
    parser.add_argument("--plot", type=Path, help="where to draw the curves, as a PNG; needs matplotlib")
    options = parser.parse_args(arguments)
    checkpoint = load_checkpoint(options.model)
    tasks = generate_tasks(options.seed, options.tasks, mix=MIX)
    temperatures: list[float] = options.temperatures or [checkpoint.generation.confidence_temperature]
    lines: list[dict[str, Any]] = []
    for temperature in temperatures:
        found = asyncio.run(measure(checkpoint, tasks, temperature, options.agents))
        sys.stdout.write(f"confidence_temperature {temperature:g}\n\n{table(found)}\n\n")
        lines.append({"temperature": temperature, **{what: asdict(r) for what, r in found.items()}})
        if options.plot is not None:
            plot(found, options.plot)
    best = min(lines, key=lambda line: line["field"]["log_loss"])
    sys.stdout.write(json.dumps({"tasks": len(tasks), "best": best["temperature"], "measured": lines}) + "\n")


if __name__ == "__main__":
    main()
