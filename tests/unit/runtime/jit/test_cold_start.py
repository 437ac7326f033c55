"""The first start on a machine: it says what it does, compiles beside itself, and is over once for all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
TOUCHES = """
def main():
    open("compiled", "a").write("x")
"""
BLOCKS = """
import threading

def main():
    alive = open("alive", "w")
    print("begun", file=alive, flush=True)
    open("ready", "w").close()
    threading.Event().wait()
"""
WAITS = """
from agentfast.runtime.jit import cold_start

cold_start.begin("compiler")
cold_start.begin("compiler")
print(cold_start.wait_until_ready(), cold_start.kernels_ready.__name__)
"""


def run(folder: Path, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "AGENTFAST_COLD_START": "",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
        **variables,
    }
    environment = {name: value for name, value in environment.items() if value}
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def folder_with(tmp_path: Path, compiler: str) -> Path:
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "compiler.py").write_text(compiler)
    return folder


def test_kernels_are_compiled_once_and_the_first_start_says_so(tmp_path: Path) -> None:
    folder, kernels = folder_with(tmp_path, TOUCHES), tmp_path / "kernels"
    first = run(folder, WAITS, NUMBA_CACHE_DIR=str(kernels))
    assert (first.returncode, first.stdout) == (0, "True kernels_ready\n")
    assert first.stderr.startswith("agentfast: compiling kernels for this processor")
    assert str(kernels) in first.stderr
    assert len(first.stderr.splitlines()) == 1
    again = run(folder, WAITS, NUMBA_CACHE_DIR=str(kernels))
    assert (again.returncode, again.stderr) == (0, "")
    assert (folder / "compiled").read_text() == "x"


def test_the_folder_may_be_that_of_the_grammars(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, TOUCHES)
    run(folder, WAITS, NUMBA_CACHE_DIR="", AGENTFAST_CACHE=str(tmp_path / "cache"))
    assert len(list((tmp_path / "cache" / "kernels").iterdir())) == 1


def test_the_line_comes_before_torch_and_numba_are_imported(tmp_path: Path) -> None:
    program = WAITS + "import sys\nprint({'torch', 'numba', 'numpy'} & set(sys.modules))"
    done = run(folder_with(tmp_path, TOUCHES), program, NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
    assert done.stdout.endswith("set()\n")


def test_where_nothing_can_be_kept_the_line_names_the_folder_and_the_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = tmp_path / "file" / "kernels"
    program = WAITS + "import os\nprint(os.environ['NUMBA_CACHE_DIR'])"
    done = run(folder_with(tmp_path, TOUCHES), program, NUMBA_CACHE_DIR=str(refused))
    assert done.returncode == 0
    assert f"{refused / 'agentfast'} cannot be written" in done.stderr
    assert "AGENTFAST_CACHE" in done.stderr
    temporary = Path(done.stdout.splitlines()[-1])
    assert temporary != refused
    assert not temporary.exists()


def test_a_process_that_fails_to_compile_is_spoken_of(tmp_path: Path) -> None:
    program = WAITS + "import threading\n[t.join() for t in threading.enumerate() if t.daemon]\n"
    program += "print(cold_start.kernels_ready())"
    done = run(
        folder_with(tmp_path, "def main(): raise ValueError"), program, NUMBA_CACHE_DIR=str(tmp_path / "k")
    )
    assert done.stdout == "False kernels_ready\nFalse\n"
    assert "ended with 1" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such pipes and signals")
@pytest.mark.parametrize("end", ["", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_process_beside_ends_with_its_parent(tmp_path: Path, end: str) -> None:
    folder = folder_with(tmp_path, BLOCKS)
    for pipe in ("alive", "ready"):
        os.mkfifo(folder / pipe)
    program = "from agentfast.runtime.jit import cold_start\n"
    program += f"cold_start.begin('compiler')\nopen('ready').read()\n{end}"
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
        "NUMBA_CACHE_DIR": str(tmp_path / "k"),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, env=environment, stderr=subprocess.DEVNULL
    )
    with (folder / "alive").open() as alive:
        assert alive.read() == "begun\n"  # which waits for the end of whoever writes there
    assert process.wait() == (-9 if end else 0)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no fork")
def test_a_fork_does_not_end_what_its_parent_has_begun(tmp_path: Path) -> None:
    program = """
import os
from agentfast.runtime.jit import cold_start

cold_start.begin("compiler")
if not os.fork():
    assert cold_start.kernels_ready()
    raise SystemExit
os.wait()
print(cold_start.wait_until_ready())
"""
    done = run(folder_with(tmp_path, TOUCHES), program, NUMBA_CACHE_DIR=str(tmp_path / "kernels"))
    assert done.stdout == "True\n"
