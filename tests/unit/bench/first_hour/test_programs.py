"""Programs run with a home of their own, are timed line by line, and are killed if they hang."""

from __future__ import annotations

from pathlib import Path

from bench.first_hour.programs import environment, python, run

PROGRAM = """
import os, sys
print(os.environ["HOME"], sys.stdin.read(), "AGENTFAST_CACHE" in os.environ)
print("first", file=sys.stderr, flush=True)
print("second", file=sys.stderr)
sys.exit(3)
"""


def test_output_errors_and_code_are_kept(tmp_path: Path) -> None:
    ran = run(python(PROGRAM), environment(tmp_path), stdin="typed")
    assert ran.output == f"{tmp_path} typed False\n"
    assert [line for _, line in ran.errors] == ["first", "second"]
    assert ran.error_text == "first\nsecond"
    assert (ran.code, ran.cpu_s > 0) == (3, True)
    assert [second for second, _ in ran.errors] == sorted(second for second, _ in ran.errors)


def test_a_program_that_hangs_is_killed() -> None:
    ran = run(python("import threading; threading.Event().wait()"), timeout_s=0.5)
    assert ran.code == -9


def test_a_setting_can_be_given() -> None:
    ran = run(python("import os; print(os.environ['AGENTFAST_CACHE'])"), environment(AGENTFAST_CACHE="here"))
    assert ran.output == "here\n"
