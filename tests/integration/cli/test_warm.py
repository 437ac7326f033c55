"""`agentfast warm` compiles kernels to a folder that keeps them, or says at once that there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit
from agentfast.runtime.jit.kernel_folder import kernel_folder


def test_it_ends_with_everything_compiled_and_names_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["warm"]) == Exit.OK
    assert str(kernel_folder().path) in capsys.readouterr().out


def test_where_nothing_can_be_kept_it_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    kernel_folder.cache_clear()
    try:
        assert main(["warm"]) == Exit.USAGE
        assert "set AGENTFAST_CACHE" in capsys.readouterr().err
    finally:
        kernel_folder.cache_clear()
