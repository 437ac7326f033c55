"""The outside baseline: what outlines lets a model write, and what the loop makes of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agentfast import nano
from agentfast.chat.json import CALL, render_call
from agentfast.cli.bench import outside_baseline as outside
from agentfast.cli.bench.attempts import TaskRecord
from agentfast.cli.bench.experiment import AUTOREGRESSIVE, Plan, run_outside, run_seat
from agentfast.cli.bench.outside_baseline import OutsideBaseline, missing_libraries, solve_in_turn
from agentfast.cli.bench.seats import open_seat
from agentfast.errors import ConfigError
from agentfast.nano.tasks import Task, generate_tasks


@pytest.fixture(scope="module")
def baseline(random_twin: Path) -> OutsideBaseline:
    return OutsideBaseline(random_twin, temperature=1.0)


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return generate_tasks(3, 8)


def test_gold_turns_and_texts_are_allowed_and_calls_that_are_broken_or_written_as_text_are_not(
    baseline: OutsideBaseline, tasks: list[Task]
) -> None:
    for task in tasks:
        allowed = re.compile(baseline.turn_regex([tool.definition for tool in task.tools]))
        for turn in task.solution.turns:
            written = "".join(CALL + render_call(call) for call in turn.calls)
            assert allowed.fullmatch(written)
            assert not allowed.fullmatch(written[:-1])
            assert not allowed.fullmatch(written.removeprefix(CALL))
        assert allowed.fullmatch(task.solution.answer.text)


async def test_random_weights_make_turns_that_the_chat_format_reads(
    baseline: OutsideBaseline, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "MAX_TOKENS", 24)
    records = await solve_in_turn(baseline, tasks[:3], [1, 2, 3], 60.0)
    assert len(records) == 3
    assert all(record.error in ("", "ModelError", "LimitExceededError") for record in records)
    assert all(record.generated_tokens > 0 for record in records if record.turns)


async def test_it_stops_when_the_time_is_over_but_not_before_the_first_task(
    baseline: OutsideBaseline, tasks: list[Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "MAX_TOKENS", 4)
    assert len(await solve_in_turn(baseline, tasks, range(8), 0.0)) == 1


def test_a_diffusion_checkpoint_is_refused(random_checkpoint: Path) -> None:
    with pytest.raises(ConfigError, match="not autoregressive"):
        OutsideBaseline(random_checkpoint, temperature=0)


def test_a_missing_library_is_named(random_twin: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_libraries() == ""
    monkeypatch.setattr(outside, "NEEDED", ("transformers", "no_such_library.part"))
    assert missing_libraries() == "no_such_library is not installed (pip install 'agentfast[bench]')"
    with pytest.raises(ConfigError, match="no_such_library"):
        OutsideBaseline(random_twin, temperature=0)


@pytest.mark.skipif(not nano.TWIN_WEIGHTS.is_dir(), reason="the package has no autoregressive twin")
async def test_it_writes_what_the_engine_writes_with_the_same_weights() -> None:
    plan = Plan(concurrency=(1,), tasks=2, repeats=1)
    ours = await run_seat(AUTOREGRESSIVE, open_seat("nano-ar"), plan, 1, 0)
    theirs = await run_outside(OutsideBaseline(nano.TWIN_WEIGHTS, temperature=plan.temperature), plan, 0)
    assert [outcome(record) for record in ours.tasks] == [outcome(record) for record in theirs.tasks]


def outcome(record: TaskRecord) -> tuple[bool, int, int]:
    return record.right, record.turns, record.generated_tokens
