"""`agentfast bench` from end to end: quick runs on models with random weights, and gold calls on none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agentfast import nano
from agentfast.cli.bench.experiment import AUTOREGRESSIVE, DIFFUSION, OUTSIDE, warm_up_tasks
from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit
from tests.integration.cli.served_model import served
from tests.support.servers.openai_server import Server, call, reply, turn


def seats(diffusion: Path, autoregressive: Path) -> list[str]:
    return ["--diffusion", str(diffusion), "--autoregressive", str(autoregressive)]


def last_line(output: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(output.splitlines()[-1])
    return line


def test_a_quick_run_of_both_seats_and_the_outside_baseline(
    random_checkpoint: Path,
    random_twin: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agentfast.cli.bench.outside_baseline.MAX_TOKENS", 16)  # random weights know no end
    out, plots = tmp_path / "report.json", tmp_path / "plots"
    files = ["--out", str(out), "--plots", str(plots)]
    assert main(["bench", "--quick", *seats(random_checkpoint, random_twin), *files]) == Exit.OK
    printed = capsys.readouterr().out
    line = last_line(printed)
    assert list(line) == [
        "concurrency",
        "success_diffusion",
        "success_ar",
        "tokens_per_forward",
        "tokens_per_forward_calls",
        "tokens_per_forward_text",
        "steps_per_call",
        "invalid_calls",
    ]
    assert list(line["concurrency"]) == ["1", "2"]
    for entry in line["concurrency"].values():
        assert list(entry) == ["diffusion_p50_s", "ar_p50_s", "speedup", "outside_p50_s"]
        assert all(value > 0 for value in entry.values())
    assert line["invalid_calls"] == 0
    assert line["tokens_per_forward"] > 0
    assert "Agents on held-out tasks" in printed
    document = json.loads(out.read_text())
    assert document["figures"] == line
    assert [(run["seat"], run["agents"]) for run in document["runs"]] == [
        (DIFFUSION, 1),
        (AUTOREGRESSIVE, 1),
        (DIFFUSION, 2),
        (AUTOREGRESSIVE, 2),
        (OUTSIDE, 1),
    ]
    assert all(0 < run["engine"]["busy_share"] <= 1 for run in document["runs"][:-1])
    assert {path.name for path in plots.iterdir()} == {"latency.png", "speedup.png"}


def test_any_model_may_sit_in_either_seat_and_the_outside_baseline_needs_an_autoregressive_one(
    random_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--quick", "--tasks", "1", "--concurrency", "1", "--repeats", "2"]
    assert main(["bench", *options, *seats(random_checkpoint, random_checkpoint)]) == Exit.OK
    printed = capsys.readouterr().out
    assert "No outside baseline: it needs an autoregressive checkpoint that speaks" in printed
    assert last_line(printed)["concurrency"]["1"]["outside_p50_s"] is None


def test_no_repeat_is_begun_for_which_there_is_no_time(
    random_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--quick", "--tasks", "1", "--concurrency", "1", "--repeats", "9", "--limit", "0", "--json"]
    assert main(["bench", *options, "--no-outside", *seats(random_checkpoint, random_checkpoint)]) == Exit.OK
    output = capsys.readouterr()
    assert "no time for more than 1 of 9 repeats" in output.err
    assert len(output.out.splitlines()) == 1


def test_a_server_may_sit_in_a_seat(random_checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = turn({"tool_calls": [call('{"id":"?"}', "no_such_tool")]}, "tool_calls")
    server = Server(usual=reply(turn({"content": "No tool serves this."})))
    try:
        server.replies += [reply(turn({"content": "warm-up"}))] * (1 + len(warm_up_tasks())) + [reply(wrong)]
        url = f"{server.url}#some/model"
        options = [
            "--quick",
            "--concurrency",
            "1",
            *seats(random_checkpoint, Path()),
            "--autoregressive",
            url,
        ]
        assert main(["bench", *options]) == Exit.OK  # an invalid call of a server is not our failure
    finally:
        server.close()
    printed = capsys.readouterr().out
    line = last_line(printed)
    assert "some/model (remote)" in printed
    assert line["invalid_calls"] == 1
    assert line["concurrency"]["1"]["ar_p50_s"] > 0
    assert all(asked["temperature"] == 0 and asked["tools"] for asked in server.asked[1:])


def test_a_diffusion_model_behind_a_server_does_as_well_as_in_this_process(
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--tasks", "6", "--concurrency", "2", "--repeats", "1", "--no-outside", "--json"]
    with served(nano.load()) as server:
        assert main(["bench", *options, "--diffusion", f"{server.url}#diffusiongemma"]) == Exit.OK
    line = last_line(capsys.readouterr().out)
    assert main(["bench", *options]) == Exit.OK
    here = last_line(capsys.readouterr().out)
    assert line["success_diffusion"] == here["success_diffusion"] > 0.5
    assert line["tokens_per_forward"] > 1
    assert line["invalid_calls"] == 0


def test_a_server_that_is_not_there_ends_the_benchmark_at_once(
    random_checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server()
    server.close()
    monkeypatch.setattr("agentfast.cli.bench.seats.RETRIES", 0)
    options = ["--quick", *seats(random_checkpoint, Path()), "--autoregressive", f"{server.url}#m"]
    assert main(["bench", *options]) == Exit.FAILED
    assert "no answer at 1 try" in capsys.readouterr().err


@pytest.mark.parametrize("sharing", [[], ["--shared-device"]])
def test_gold_calls_are_right_at_any_speed_and_their_parts_are_told(
    sharing: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = ["--oracle", "20000", "2x0.001/64", *sharing]
    assert main(["bench", *speeds, "--concurrency", "1", "3", "--tasks", "3"]) == Exit.OK
    printed = capsys.readouterr().out
    assert ("all requests share" in printed) == bool(sharing)
    found = last_line(printed)["oracle"]
    assert list(found) == ["20000", "2x0.001/64"]
    for entry in (entry for agents in found.values() for entry in agents.values()):
        assert entry["success"] == 1
        assert entry["device_s"] > 0
        assert 0 < entry["framework_share"] < 1
        parts = entry["device_s"] + entry["tools_s"] + entry["framework_s"]
        assert entry["framework_s"] / parts == pytest.approx(entry["framework_share"], rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--diffusion", "no such folder"], Exit.USAGE, "no model 'no such folder'"),
        (["--diffusion", "http://localhost:9/v1"], Exit.USAGE, "names no model"),
        (["--oracle", "fast"], Exit.USAGE, "is no speed"),
        (
            ["--oracle", "9", "--tokenizer", "no such file"],
            Exit.USAGE,
            "cannot read the tokenizer no such file",
        ),
        (["--out", "no such folder/report.json"], Exit.USAGE, "cannot write"),
    ],
)
def test_what_cannot_be_run_is_said_in_a_line(
    arguments: list[str], code: Exit, said: str, random_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    autoregressive = ["--autoregressive", str(random_checkpoint)]
    assert main(["bench", "--quick", *autoregressive, *arguments]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("agentfast: ")
    assert said in output.err
    assert output.err.count("\n") == 1
