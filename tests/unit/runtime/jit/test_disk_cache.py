"""Damaged files of compiled kernels are compiled anew, and never run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
PROGRAM = """
import numpy as np
from agentfast.runtime.jit import cold_start
from agentfast.runtime.jit.kernel_folder import kernel_folder

cold_start.begin("nothing")
cold_start.wait_until_ready()
from agentfast.runtime.jit.arrays import extended

print(extended(np.arange(2.0), 3)[:2].tolist(), sum(extended.stats.cache_hits.values()))
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "nothing.py").write_text("def main(): ...")
    environment = {
        **os.environ,
        "AGENTFAST_COLD_START": "",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
        "NUMBA_CACHE_DIR": str(folder / "k"),
    }
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )


def truncated(content: bytes) -> bytes:
    return content[:100]


def emptied(content: bytes) -> bytes:
    return b""


def flipped(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("kind", "damage"),
    [
        ("nbi", truncated),
        ("nbc", flipped),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in (("nbi", emptied), ("nbi", flipped), ("nbc", truncated), ("nbc", emptied))
        ),
    ],
)
def test_a_file_with_wrong_bytes_is_compiled_anew_and_spoken_of(
    tmp_path: Path, kind: str, damage: Callable[[bytes], bytes]
) -> None:
    assert run(tmp_path).stdout == "[0.0, 1.0] 0\n"
    assert run(tmp_path).stdout == "[0.0, 1.0] 1\n"
    files = list((tmp_path / "k").rglob(f"*.{kind}"))
    assert files
    for file in files:
        file.write_bytes(damage(file.read_bytes()))
    found = run(tmp_path)
    assert found.stdout == "[0.0, 1.0] 0\n"
    assert "are damaged and are compiled anew" in found.stderr
    again = run(tmp_path)
    assert (again.stdout, "compiled anew" in again.stderr) == ("[0.0, 1.0] 1\n", False)
