"""Compiled kernels are kept on disk, but never past a change of what they are made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from agentfast.runtime import kernel as module
from agentfast.runtime.kernel import loose_kernel, sources_stamp

CALLER = """
from callee import factor
from kernel import kernel

@kernel
def scaled(x):
    return x * factor()

print(scaled(2), sum(scaled.stats.cache_hits.values()))
"""
CALLEE = """
from kernel import kernel

@kernel
def factor():
    return {factor}
"""


def run(folder: Path, factor: int) -> list[int]:
    """What `CALLER` computes, and whether it was found on disk, in a process of its own."""
    (folder / "callee.py").write_text(CALLEE.format(factor=factor))
    done = subprocess.run(
        [sys.executable, "caller.py"], cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    return [int(word) for word in done.stdout.split()]


def test_a_kernel_is_compiled_anew_when_one_that_it_calls_has_changed(tmp_path: Path) -> None:
    shutil.copy(module.__file__, tmp_path / "kernel.py")
    # As a module of its own, because numba keeps nothing for a script.
    (tmp_path / "scaling.py").write_text(CALLER)
    (tmp_path / "caller.py").write_text("import scaling")
    assert run(tmp_path, 10) == [20, 0]
    assert run(tmp_path, 10) == [20, 1]
    assert run(tmp_path, 111) == [222, 0]  # another length, which compiled Python looks at


def test_the_stamp_is_of_the_files_with_kernels_and_of_those_that_compile_them(tmp_path: Path) -> None:
    def stamp(text: str, name: str) -> str:
        (tmp_path / name).write_text(text)
        sources_stamp.cache_clear()
        return sources_stamp(tmp_path)

    first = stamp("@kernel\ndef f(): ...", "a.py")
    assert stamp("def g(): ...", "b.py") == first
    assert stamp("@kernel\ndef f(): return 1", "a.py") != first
    second = stamp("import numba", "c.py")
    assert stamp("import numba.extending", "c.py") != second
    sources_stamp.cache_clear()


def test_kernels_run_where_numba_compiles_nothing() -> None:
    code = "from agentfast.runtime.kernel import kernel; print(kernel(lambda x: 2 * x)(2))"
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
