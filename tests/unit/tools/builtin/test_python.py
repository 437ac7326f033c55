"""Python with limits: programs run, and what they must not do fails."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.builtin import confinement, python

pytestmark = pytest.mark.skipif(not confinement.is_supported(), reason="this system has no Landlock")


async def run(code: str, **limits: float) -> str:
    result: str = await python(**{"time_limit_s": 20, **limits})(code)  # type: ignore[arg-type]
    return result


async def test_a_program_prints() -> None:
    assert await run("import json, math\nprint(json.dumps([math.pi > 3, 'é']))") == '[true, "\\u00e9"]\n'
    assert await run("open('a', 'w').write('x'); print(open('a').read(), __name__)") == "x __main__\n"
    assert (
        await run("import threading as t; a = t.Thread(target=print, args=('thread',)); a.start(); a.join()")
        == "thread\n"
    )


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("def", "SyntaxError"),
        ("import os; os.fork()", "not permitted"),
        ("import os\nwhile True: os.fork()", "not permitted"),
        ("import subprocess; subprocess.run(['ls'])", "not permitted"),
        ("import os; os.execv('/bin/sh', ['sh'])", "ermi"),
        ("import multiprocessing as m; m.get_context('fork').Process(target=print).start()", "not permitted"),
        ("import socket; socket.create_connection(('127.0.0.1', 80))", "not permitted"),
        ("import socket; socket.socketpair()", "not permitted"),
        ("import os; os.kill(os.getppid(), 9)", "not permitted"),
        ("print(open('/etc/passwd').read())", "denied"),
        ("import os; print(os.listdir('/'))", "denied"),
        ("import os; os.symlink('/etc/passwd', 'l'); print(open('l').read())", "denied"),
        ("print(open('../../etc/passwd').read())", "denied"),
        ("open('/tmp/x', 'w')", "denied"),
        ("import os; os.unlink(os.__file__)", "denied"),
        ("x = 'a' * 10 ** 10", "MemoryError"),
        ("open('b', 'wb').write(b'x' * (1 << 26))", "too large"),
        ("files = [open(f'{n}', 'w') for n in range(100)]", "Too many open files"),
        (
            "import resource as r; r.setrlimit(r.RLIMIT_AS, (1 << 40, 1 << 40)); x = 'a' * 10 ** 10",
            "exit code 1",
        ),
        (
            "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000)); raise SystemExit(4)",
            "exit code 4: -1",
        ),
    ],
)
async def test_what_it_must_not_do_fails(code: str, complaint: str) -> None:
    with pytest.raises(ToolError, match=complaint):
        await run(code)


async def test_endless_programs_are_killed() -> None:
    for code in (
        "while True: pass",
        "import time; time.sleep(1000)",
        "import signal; signal.signal(15, print)\nwhile True: pass",
    ):
        with pytest.raises(ToolError, match=r"longer than 0\.5 s"):
            await run(code, time_limit_s=0.5)


async def test_floods_are_cut() -> None:
    output = await run("while True: print('x' * 1000)", max_output_chars=5000)
    assert output.endswith("... cut off after 5000 characters")
    assert len(output) < 5100


async def test_nothing_of_the_environment_is_seen_and_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET", "value")
    assert "SECRET" not in await run("import os; print(dict(os.environ))")
    folder = (await run("import os; print(os.getcwd())")).strip()
    assert folder.startswith(tempfile.gettempdir())
    assert folder not in map(str, Path(tempfile.gettempdir()).iterdir())  # noqa: ASYNC240


async def test_the_traceback_is_the_programs_own() -> None:
    with pytest.raises(ToolError) as caught:
        await run("def f():\n    raise ValueError('no')\nf()")
    assert "<program>" in caught.value.message
    assert "confinement" not in caught.value.message


def test_a_system_that_cannot_confine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "is_supported", lambda: False)
    with pytest.raises(ToolDefinitionError, match="Landlock"):
        python()


def test_the_filter_is_whole_for_every_machine() -> None:
    for machine in ("x86_64", "aarch64"):
        program = confinement.seccomp_program(machine)
        assert len(program) % 8 == 0
        assert len(program) // 8 < 256 or os.name == "posix"
