"""The conformance benchmark's suite: found where it lies, fetched by pip, and refused with what to do."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from agentfast.errors import ConfigError
from bench import conformance


def make_suite(folder: Path) -> Path:
    suite = folder / "json"
    (suite / "tests" / "draft2020-12").mkdir(parents=True)
    return suite


@pytest.mark.parametrize("given", [".", "json", "nested"])
def test_a_suite_is_found_in_its_folder_and_in_an_unpacked_distribution(tmp_path: Path, given: str) -> None:
    suite = make_suite(tmp_path / "a" if given == "nested" else tmp_path)
    assert conformance.find_suite(str(tmp_path / ("" if given == "nested" else given))).samefile(suite)


def test_a_folder_without_a_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no JSON Schema test suite"):
        conformance.find_suite(str(tmp_path))


def pip_that(monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], tuple[int, str]]) -> list[list[str]]:
    """Puts a function in pip's place, as an index is nothing for a test; the commands that it was given."""
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        code, said = act(Path(command[command.index("-d") + 1]))
        return subprocess.CompletedProcess(command, code, "", said)

    monkeypatch.setattr(subprocess, "run", run)
    return asked


def test_pip_fetches_the_distribution_with_build_tools_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_suite(tmp_path / "made" / "jsonschema-1")
    fetched = tmp_path / "fetched"
    fetched.mkdir()

    def pack(folder: Path) -> tuple[int, str]:
        with tarfile.open(folder / "jsonschema-1.tar.gz", "w:gz") as tar:
            tar.add(tmp_path / "made" / "jsonschema-1", "jsonschema-1")
        return 0, ""

    asked = pip_that(monkeypatch, pack)
    assert conformance.download(str(fetched)).samefile(fetched / "jsonschema-1" / "json")
    assert asked[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-build-isolation" not in asked[0]


def test_a_pip_that_fails_is_told_with_the_way_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: Path) -> tuple[int, str]:
        return 1, "trying\nERROR: no index\n"

    pip_that(monkeypatch, fail)
    with pytest.raises(
        ConfigError, match=r"pip could not fetch jsonschema .*: ERROR: no index .*--suite DIR"
    ):
        conformance.download(str(tmp_path))
