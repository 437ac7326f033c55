"""What the demo promises, on the embedded model and tasks that it never saw."""

from __future__ import annotations

import json

import pytest

from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit


def test_32_agents_share_a_batch_make_no_invalid_call_and_mostly_succeed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["demo", "--agents", "32", "--tasks", "128", "--json"]) == Exit.OK
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["invalid_calls"] == 0
    assert figures["success"] >= 0.8
    assert figures["mean_batch_rows"] >= 8
