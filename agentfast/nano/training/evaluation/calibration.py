"""Fit and measure the calibration of a model: `python -m agentfast.nano.training.evaluation.calibration --tasks 300`.

Each turn of calls of each held-out task is asked for, after the gold turns before it, and compared with the gold calls:
the tool's name, each argument of a call whose name is right, and each call as a whole. Where nothing serves the request
any call is wrong. Half of the tasks fit the calibration, the other half is measured, with the calibration and without.

The table has a column for all fields, those of few values (a choice, such as the tool's name) and the free ones, for
whole calls, and for calls by their least sure field. ECE is the mean distance between confidence and share right over
ten bins, Brier the mean squared error, AUROC how well right ones are told from wrong ones (0.5: not at all). The last
line is JSON. `--write` puts the calibration into the checkpoint's agentfast.json and the tables into its card.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

from agentfast.chat.json import JsonChat
from agentfast.chat.json_signature import dump_json
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.local.model import LocalModel
from agentfast.nano import WEIGHTS
from agentfast.nano.tasks import Kind, Task, generate_tasks
from agentfast.nano.training.evaluation.reliability import Judgement, Reliability, fit, reliabilities, table
from agentfast.runtime.core.calibration import DEFAULT_CALIBRATION, Calibration
from agentfast.runtime.core.config import EXTENSIONS, EngineConfig
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.model.checkpoint.checksums import CHECKSUMS, write_checksums
from agentfast.runtime.model.checkpoint.load import LoadedCheckpoint, load_checkpoint
from agentfast.tools.confidence import Alternatives, Confidence

MIX: dict[Kind, float] = {"single": 0.3, "parallel": 0.15, "chain": 0.3, "no_tool": 0.1, "random": 0.15}
HEADING = "## Confidence\n"


Turn = tuple[tuple[ToolCall, ...], tuple[ToolCall, ...]]
"""The model's calls, and the gold calls."""


async def ask(checkpoint: LoadedCheckpoint, tasks: Sequence[Task], agents: int) -> list[Turn]:
    """The model's calls in every turn of gold calls, with uncalibrated confidence."""
    generation = replace(checkpoint.generation, calibration=DEFAULT_CALIBRATION)
    engine = Engine(checkpoint.model, checkpoint.tokenizer, EngineConfig(generation=generation))
    free = asyncio.Semaphore(agents)
    async with LocalModel(engine, JsonChat()) as model:

        async def respond(request: ModelRequest, gold: tuple[ToolCall, ...]) -> Turn:
            async with free:
                return (await model.respond(request)).message.calls, gold

        asked = (turn for seed, task in enumerate(tasks) for turn in turns(task, seed))
        return await asyncio.gather(*(respond(request, gold) for request, gold in asked))


def turns(task: Task, seed: int) -> list[tuple[ModelRequest, tuple[ToolCall, ...]]]:
    """The requests of a task, each after the gold turns before it, and the gold calls of each."""
    messages: list[Message] = [SystemMessage(task.instructions), UserMessage(task.prompt)]
    definitions = tuple(tool.definition for tool in task.tools)
    found: list[tuple[ModelRequest, tuple[ToolCall, ...]]] = []
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
        assert sure is not None
        same = [other for other in left if other.name == call.name]
        match = max(same, key=lambda other: agreement(call, other), default=None)
        right = match is not None and match.arguments == call.arguments
        found += [
            field(sure, "name", right=match is not None),
            Judgement("whole", sure.whole, right),
            Judgement("lowest", sure.lowest, right),
        ]
        if match is None:
            continue
        left.remove(match)
        expected = leaves({"arguments": match.arguments})
        written = leaves({"arguments": call.arguments})
        found += [field(sure, path, right=expected.get(path, left) == written[path]) for path in written]
    return found


def field(sure: Confidence, path: str, *, right: bool) -> Judgement:
    """The judgement of one field; `right` is that of its value."""
    ranked = [p for _, p in sure.alternatives(path)]
    if not ranked:
        return Judgement("free", sure[path], right)
    ranked.remove(sure[path])
    return Judgement("choice", sure[path], right, tuple(ranked))


def agreement(call: ToolCall, other: ToolCall) -> int:
    """Number of arguments that two calls have in common."""
    return sum(other.arguments.get(key, call) == value for key, value in call.arguments.items())


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Values by path, with the paths of confidences."""
    pairs: Iterable[tuple[object, Any]] = ()
    if isinstance(value, dict):
        pairs = cast("Mapping[object, Any]", value).items()
    elif isinstance(value, list):
        pairs = enumerate(cast("Sequence[Any]", value))
    inner = {
        k: v for key, item in pairs for k, v in leaves(item, f"{path}.{key}" if path else str(key)).items()
    }
    return inner or {path: value}


def calibrated(turn: Turn, calibration: Calibration) -> Turn:
    """The turn with the confidence that the calibration makes of the posterior's."""
    written, gold = turn
    return tuple(
        replace(call, confidence=_calibrated(call.confidence, calibration)) for call in written
    ), gold


def _calibrated(sure: Confidence | None, calibration: Calibration) -> Confidence:
    assert sure is not None
    fields: dict[str, float] = {}
    ranked: dict[str, Alternatives] = {}
    for path, p in sure.items():
        pairs = sure.alternatives(path)
        if not pairs:
            fields[path] = calibration.shifted(p, calibration.free)
            continue
        shares = calibration.choices([p for _, p in pairs])
        ranked[path] = tuple((value, share) for (value, _), share in zip(pairs, shares, strict=True))
        fields[path] = shares[[p for _, p in pairs].index(p)]
    return Confidence(calibration.shifted(sure.whole, calibration.whole), fields, ranked)


def judgements(turns: Iterable[Turn]) -> list[Judgement]:
    """The judgements of all turns."""
    return [judgement for turn in turns for judgement in compare(*turn)]


def plot(found: Mapping[str, Reliability], path: Path) -> None:
    """Draw the curves; needs matplotlib."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(5, 5))
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for sort, reliability in found.items():
        means, shares, _ = zip(*reliability.bins, strict=True)
        axes.plot(means, shares, marker="o", label=f"{sort}, ECE {reliability.ece:.3f}")
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    figure.savefig(path, dpi=120)


def write(directory: Path, calibration: Calibration, section: str) -> None:
    """Put the calibration into the checkpoint's extensions, and the section into its card."""
    path = directory / EXTENSIONS
    raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    raw["confidence_calibration"] = calibration.to_json()
    path.write_text(json.dumps(raw, indent=2) + "\n", encoding="utf-8")
    if (directory / CHECKSUMS).exists():
        write_checksums(directory)
    card = directory / "README.md"
    before, _, after = card.read_text(encoding="utf-8").partition(HEADING)
    _, heading, rest = after.partition("\n## ")
    card.write_text(before.rstrip() + "\n\n" + section + heading + rest, encoding="utf-8")


def section_of(
    raw: Mapping[str, Reliability], mended: Mapping[str, Reliability], tasks: int, calibration: Calibration
) -> str:
    """The card's section on confidence."""
    low = [(share, count) for mean, share, count in mended["whole"].bins if mean < 0.8]
    high = [(share, count) for mean, share, count in mended["whole"].bins if mean >= 0.8]
    doubtful, sure = (sum(count for _, count in bins) for bins in (low, high))
    caught, missed = (round(sum((1 - share) * count for share, count in bins)) for bins in (low, high))
    return f"""{HEADING}
`python -m agentfast.nano.training.evaluation.calibration --tasks {2 * tasks} --write`: share right (and number) by confidence, for fields, for
whole calls, and for calls by their least sure field, over the turns of {tasks} held-out tasks after their gold turns. A field
is a choice if its values are few, as the tool's name. {tasks} other tasks fitted the calibration, which
`agentfast.json` has: choice {calibration.choice:g}, free {calibration.free}, whole {calibration.whole}.

{table(mended)}

Of the {doubtful} calls below 0.8 as a whole, {caught} were wrong, of the {sure} others {missed}. Without the calibration, the
model's probabilities as they are, the ECE is {raw["field"].ece} for fields and {raw["whole"].ece} for whole calls.
"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point; see --help."""
    parser = argparse.ArgumentParser(
        prog="python -m agentfast.nano.training.evaluation.calibration", description=__doc__
    )
    parser.add_argument("--model", type=Path, default=WEIGHTS, help="a checkpoint directory")
    parser.add_argument("--tasks", type=int, default=300, help="half of them fit, half are measured")
    parser.add_argument("--agents", type=int, default=32, help="turns at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--write", action="store_true", help="change the checkpoint's generation config and card"
    )
    parser.add_argument("--plot", type=Path, help="where to draw the curves, as a PNG; needs matplotlib")
    options = parser.parse_args(arguments)
    checkpoint = load_checkpoint(options.model)
    half = max(options.tasks // 2, 1)
    fitting, held_out = (generate_tasks(options.seed + part, half, mix=MIX) for part in (0, 1))
    calibration = fit(judgements(asyncio.run(ask(checkpoint, fitting, options.agents))))
    turns = asyncio.run(ask(checkpoint, held_out, options.agents))
    raw = reliabilities(judgements(turns))
    mended = reliabilities(judgements(calibrated(turn, calibration) for turn in turns))
    section = section_of(raw, mended, half, calibration)
    sys.stdout.write(section + "\n")
    if options.plot is not None:
        plot(mended, options.plot)
    if options.write:
        write(options.model, calibration, section)
    line = {
        "tasks": half,
        "calibration": calibration.to_json(),
        "calibrated": {sort: asdict(found) for sort, found in mended.items()},
        "raw": {sort: asdict(found) for sort, found in raw.items()},
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
