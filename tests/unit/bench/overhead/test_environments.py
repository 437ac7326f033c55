"""Tests of bench.overhead.environments: which frameworks are installed, and what their processes print."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.overhead.environments import PEERS, default_folder, installed, interpreter, output_of


def test_a_framework_without_an_environment_is_left_out(tmp_path: Path) -> None:
    assert installed(tmp_path) == ()
    python = interpreter(tmp_path, "langgraph")
    python.parent.mkdir(parents=True)
    python.touch()
    assert [peer.package for peer in installed(tmp_path)] == ["langgraph"]


def test_every_framework_has_a_driver() -> None:
    for peer in PEERS:
        path = Path(__file__).parents[4].joinpath(*peer.driver.split(".")).with_suffix(".py")
        assert path.exists()


def test_the_environments_lie_in_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "agentfast" / "overhead"


def test_the_last_line_of_a_process_is_its_output_and_tracing_is_off_in_it() -> None:
    code = "import os; print('noise'); print(os.environ['OPENAI_AGENTS_DISABLE_TRACING'])"
    assert output_of(Path(sys.executable), "-c", code) == "1"


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="ValueError: no"):
        output_of(Path(sys.executable), "-c", "raise ValueError('no')")
