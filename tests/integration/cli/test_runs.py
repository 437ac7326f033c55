"""`agentfast runs` and `agentfast resume` on a journal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agentfast import Journal, RunPausedError
from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit

MODULE = """
from agentfast import Agent, Journal, ScriptedModel, ToolCall, tool

@tool(requires_approval=True)
def pay(amount: int) -> int:
    "Pay."
    return amount

agent = Agent(
    ScriptedModel([[ToolCall("pay", {"amount": 5}, "c1")], "paid"]), tools=[pay], name="payer",
    sinks=[Journal(__file__.replace("payer.py", "runs.db"))],
)
"""


@pytest.fixture
def paused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that waits for approval, in runs.db of the working folder; its id."""
    from agentfast.cli.talk.agent_file import load_agent

    monkeypatch.chdir(tmp_path)
    (tmp_path / "payer.py").write_text(MODULE)
    with pytest.raises(RunPausedError) as caught:
        load_agent("payer.py:agent").run_sync("pay the bill")
    return caught.value.state.run_id


def test_runs_are_listed_and_shown(paused: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == Exit.OK
    line = capsys.readouterr().out
    assert line.startswith(f"{paused}  paused ")
    assert line.endswith("pay the bill\n")
    assert main(["runs", paused]) == Exit.OK
    shown = capsys.readouterr().out
    assert 'pay({"amount": 5}) c1' in shown
    assert main(["runs", "--json"]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["status"] == "paused"
    assert main(["runs", "--json", paused]) == Exit.OK
    kinds = [json.loads(line)["kind"] for line in capsys.readouterr().out.splitlines()]
    assert kinds == ["started", "requested", "turn", "proposed", "asked", "paused"]


def test_a_run_goes_on_once_its_calls_are_decided_on(paused: str, capsys: pytest.CaptureFixture[str]) -> None:
    resume = ["resume", paused, "--agent", "payer.py:agent"]
    assert main(resume) == Exit.WAITING
    assert 'c1: pay {"amount": 5} waits for a decision: its tool requires approval' in capsys.readouterr().err
    assert main([*resume, "--approve", "c1"]) == Exit.OK
    assert capsys.readouterr().out == "paid\n"
    assert main(resume) == Exit.FAILED
    assert "is done" in capsys.readouterr().err


def test_a_denied_call_is_told_with_its_reason(paused: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", paused, "--agent", "payer.py:agent", "--deny", "c1=too much"]) == Exit.OK
    records = Journal("runs.db").records(paused)
    assert any("denied: too much" in record.body for record in records)


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["runs", "--journal", "none.db"], "there is no such file"),
        (["runs", "--limit", "0"], "--limit is 0"),
        (["runs", "nothing"], "there is no run 'nothing'"),
        (
            ["resume", "x", "--agent", "payer.py:agent", "--approve", "a", "--deny", "a=no"],
            "both approved and denied",
        ),
        (["resume", "x", "--agent", "none.py:agent"], "there is no file none.py"),
    ],
)
def test_mistakes_are_named(
    paused: str, argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) in (Exit.USAGE, Exit.FAILED)
    assert said in capsys.readouterr().err
