"""Every example runs on the embedded model; README's runs in a process of its own, as a user runs it."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PROMISED = {
    "constrained_text": ["Order 1042 is shipped.", ".' get_order({'id': "],
    "first_agent": ["get_order({'id': 1042})", "shipped"],
    "extraction": ["Invoice(number=", "days of the year"],
    "fan_out": ["8 of 8 letters", "Invoice(number="],  # typed for sure; right is up to the model
    "your_own_tools": [
        "asks for get_temperature('Lisbon'",
        '"temperature":21',
        "asks for reserve_room(3",
        '"price":240',
    ],
}


@pytest.mark.parametrize("example", sorted(path.stem for path in EXAMPLES.glob("*.py")))
def test_the_example_does_what_it_says(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / f"{example}.py"), run_name="__main__")
    out, err = capsys.readouterr()
    assert err == ""
    assert not [words for words in PROMISED[example] if words not in out], out


def test_the_readme_example_runs() -> None:
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    code = readme.split("```python\n")[1].split("```")[0]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "shipped" in done.stdout


def test_there_are_at_least_four() -> None:
    assert len(list(EXAMPLES.glob("*.py"))) >= 4
