"""Compiled kernels are kept on disk, but never past a change of what they are made of."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentfast.runtime.jit.kernel import loose_kernel
from agentfast.runtime.jit.kernel_folder import evict, sources_stamp

ROOT = Path(__file__).parents[4]

CALLER = """
from callee import factor
from jit.kernel import kernel

@kernel
def scaled(x):
    return x * factor()

print(scaled(2), sum(scaled.stats.cache_hits.values()))
"""
CALLEE = """
from jit.kernel import kernel

@kernel
def factor():
    return {factor}
"""


def written(folder: Path, factor: int) -> Path:
    """A folder with the two kernels and with what compiles them."""
    (folder / "jit").mkdir(parents=True, exist_ok=True)
    for name in ("kernel.py", "disk_cache.py", "kernel_folder.py", "cold_start.py"):
        text = (ROOT / "runtime" / "jit" / name).read_text()
        (folder / "jit" / name).write_text(text.replace("agentfast.runtime.jit", "jit"))
    (folder / "jit" / "host.py").write_text((ROOT / "runtime" / "jit" / "host.py").read_text())
    (folder / "callee.py").write_text(CALLEE.format(factor=factor))
    # As a module of its own, because numba keeps nothing for a script.
    (folder / "scaling.py").write_text(CALLER)
    (folder / "caller.py").write_text("import scaling")
    return folder


def started(folder: Path, kernels: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(kernels), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "caller.py"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )


def printed(process: subprocess.Popen[str]) -> list[int]:
    """Output of a process that runs `CALLER`: the result, and 1 if the kernel was found on disk."""
    out, _ = process.communicate()
    assert process.returncode == 0
    return [int(word) for word in out.split()]


def test_copies_share_a_kernel_until_one_that_it_calls_changes(tmp_path: Path) -> None:
    def run(folder: str, factor: int) -> list[int]:
        return printed(started(written(tmp_path / folder, factor), tmp_path / "kernels"))

    assert run("one", 10) == [20, 0]
    assert run("two", 10) == [20, 1]
    assert run("one", 11) == [22, 0]


@pytest.mark.skipif(sys.platform == "win32", reason="every process compiles for itself")
def test_a_kernel_that_several_processes_need_is_compiled_by_one_of_them(tmp_path: Path) -> None:
    folder = written(tmp_path / "code", 10)
    processes = [started(folder, tmp_path / "kernels") for _ in range(2)]
    assert sorted(map(printed, processes)) == [[20, 0], [20, 1]]


def test_kernels_are_compiled_where_nothing_can_be_kept(tmp_path: Path) -> None:
    folder = written(tmp_path / "code", 10)
    (tmp_path / "file").touch()
    assert printed(started(folder, tmp_path / "file" / "kernels"))[0] == 20


def test_folders_of_kernels_that_were_used_long_ago_go(tmp_path: Path) -> None:
    for age in range(10):
        (tmp_path / str(age)).mkdir()
        os.utime(tmp_path / str(age), (1e9 - age, 1e9 - age))
    evict(tmp_path)
    assert {folder.name for folder in tmp_path.iterdir()} == set("01234567")


def test_the_stamp_is_of_the_files_with_kernels_and_of_what_they_use(tmp_path: Path) -> None:
    def stamp(text: str, name: str) -> str:
        (tmp_path / name).write_text(text)
        sources_stamp.cache_clear()
        return sources_stamp(tmp_path)

    first = stamp("@kernel\ndef f(): ...", "a.py")
    assert stamp("def g(): ...", "b.py") == first
    assert stamp("@kernel\ndef f(): return 1", "a.py") != first
    second = stamp("import numba", "c.py")
    assert stamp("import numba.extending", "c.py") != second
    third = stamp("from agentfast.runtime.b import LEAST\n@kernel\ndef f(): return LEAST", "a.py")
    assert stamp("LEAST = 2", "b.py") != third
    sources_stamp.cache_clear()


def test_kernels_run_where_numba_compiles_nothing() -> None:
    code = "from agentfast.runtime.jit.kernel import kernel; print(kernel(lambda x: 2 * x)(2))"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    assert done.stdout == "4\n"


def test_a_loose_kernel_divides_by_zero_as_numpy_does() -> None:
    inverse = loose_kernel(_inverse)
    assert inverse(0.0) == float("inf")


def _inverse(x: float) -> float:
    return 1.0 / x
