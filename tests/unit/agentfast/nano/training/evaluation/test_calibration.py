"""Calibration: gold comparisons, statistics against their definitions, and what is shipped with the weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.chat.json_signature import dump_json
from agentfast.errors import ConfigError
from agentfast.messages import AssistantMessage, ToolMessage
from agentfast.nano import WEIGHTS
from agentfast.nano.tasks import generate_tasks
from agentfast.nano.training.evaluation.calibration import (
    HEADING,
    calibrated,
    compare,
    leaves,
    main,
    turns,
    write,
)
from agentfast.nano.training.evaluation.reliability import Judgement, Reliability, auroc, fit
from agentfast.runtime.core.calibration import Calibration
from agentfast.runtime.core.config import EXTENSIONS, GenerationDefaults
from agentfast.tools.call import ToolCall
from agentfast.tools.confidence import Confidence

probabilities = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=30)


def sure(name: str, **arguments: object) -> ToolCall:
    fields = dict.fromkeys(leaves({"arguments": arguments}), 0.9) | {"name": 0.8}
    ranked = {"name": ((name, 0.8), ("other", 0.2))}
    return ToolCall(name, dict(arguments), confidence=Confidence(0.7, fields, ranked))


def test_every_turn_of_a_chain_is_asked_for_after_its_gold_turns() -> None:
    task = next(t for t in generate_tasks(0, 20, mix={"chain": 1.0}) if len(t.solution.turns) > 1)
    asked = turns(task, 0)
    assert [gold for _, gold in asked] == [turn.calls for turn in task.solution.turns]
    first = task.solution.turns[0]
    second = asked[1][0].messages
    assert second[2] == AssistantMessage(calls=first.calls)
    assert second[3] == ToolMessage(dump_json(first.results[0]), first.calls[0].name)


def test_a_request_that_nothing_serves_has_one_turn_without_calls() -> None:
    [task] = generate_tasks(0, 1, mix={"no_tool": 1.0})
    assert [gold for _, gold in turns(task, 0)] == [()]
    assert [judgement.right for judgement in compare([sure("f")], ())] == [False, False, False]


def test_calls_are_compared_with_the_gold_call_of_their_name_that_fits_best() -> None:
    gold = (sure("f", a=1, b="x"), sure("f", a=2, b="y"))
    found = compare([sure("f", a=2, b="z"), sure("f", a=1, b="x")], gold)
    rights = [(judgement.sort, judgement.right) for judgement in found]
    assert rights == [
        ("choice", True), ("whole", False), ("lowest", False), ("free", True), ("free", False),
        ("choice", True), ("whole", True), ("lowest", True), ("free", True), ("free", True),
    ]  # fmt: skip
    assert found[0].others == (0.2,)


def test_of_a_call_with_the_wrong_name_the_arguments_are_not_judged() -> None:
    assert [j.sort for j in compare([sure("g", a=1)], (sure("f", a=1),))] == ["choice", "whole", "lowest"]


@given(probabilities)
def test_the_area_under_the_curve_is_the_share_of_pairs_in_order(pairs: list[tuple[float, bool]]) -> None:
    p, right = np.array([p for p, _ in pairs]), np.array([float(right) for _, right in pairs])
    wins = [(a > b) + 0.5 * (a == b) for a in p[right > 0] for b in p[right == 0]]
    expected = round(float(np.mean(wins)), 4) if wins else None
    assert auroc(p, right) == (None if expected is None else pytest.approx(expected, abs=1e-4))


def test_a_reliable_model_has_no_calibration_error() -> None:
    judgements = [Judgement("free", 0.75, right) for right in (True, True, True, False)] * 5
    found = Reliability.of(judgements)
    assert (found.ece, found.brier, found.right, found.count) == (0.0, 0.1875, 0.75, 20)
    assert found.bins == ((0.75, 0.75, 20),)


def test_a_fit_mends_a_model_that_is_too_sure() -> None:
    rng = np.random.default_rng(0)
    judgements: list[Judgement] = []
    for truth in rng.uniform(0.5, 0.99, 1000).tolist():
        stated = 1 / (1 + ((1 - truth) / truth) ** 4)  # odds to the power of 4
        right = bool(rng.random() < truth)
        judgements += [
            Judgement("free", stated, right),
            Judgement("whole", stated, right),
            Judgement("choice", stated, right, (1 - stated,)),
        ]
    calibration = fit(judgements)
    assert calibration.choice == pytest.approx(0.25, rel=0.25)
    assert calibration.free[0] == pytest.approx(0.25, rel=0.4)
    assert calibration.whole == calibration.free
    mended = [calibration.shifted(j.confidence, calibration.free) for j in judgements if j.sort == "free"]
    truths = [j.right for j in judgements if j.sort == "free"]
    assert Reliability.of([Judgement("free", p, r) for p, r in zip(mended, truths, strict=True)]).ece < 0.05


def test_without_judgements_there_is_nothing_to_mend() -> None:
    assert fit([]) == Calibration()


def test_a_calibration_keeps_the_order_of_alternatives_and_their_sum() -> None:
    written, _ = calibrated(((sure("f", a=1),), ()), Calibration(0.5, (0.5, 1.0), (0.5, -1.0)))
    found = written[0].confidence
    assert found is not None
    [(best, p), (_, q)] = found.alternatives("name")
    assert best == "f"
    assert p + q == pytest.approx(1)
    assert found["name"] == p == pytest.approx(2 / 3)
    assert found["arguments.a"] == pytest.approx(3 * np.e / (1 + 3 * np.e))
    assert found.whole < 0.5


def test_a_calibration_is_written_beside_the_generation_config(tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / "README.md", tmp_path)
    calibration = Calibration(0.25, (0.5, 1.0), (0.75, -1.0))
    for _ in range(2):
        write(tmp_path, calibration, f"{HEADING}\nnew\n")
    raw = json.loads((tmp_path / EXTENSIONS).read_text(encoding="utf-8"))
    assert GenerationDefaults.from_hf(raw).calibration == calibration
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card.count(HEADING) == 1
    assert card.count("\nnew\n") == 1
    assert "## Scores" in card


@pytest.mark.parametrize(
    "raw", [{}, {"choice": 0, "free": [1, 0], "whole": [1, 0]}, {"choice": 1, "free": 1, "whole": 2}]
)
def test_a_calibration_that_is_none_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Calibration.from_json(raw)


def test_the_command_measures_the_embedded_model(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--tasks", "4"])
    last = capsys.readouterr().out.splitlines()[-1]
    found = json.loads(last)
    assert found["tasks"] == 2
    assert found["calibrated"]["whole"]["count"] == found["raw"]["whole"]["count"] > 0
