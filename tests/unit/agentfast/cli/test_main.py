"""The command line: help, usage errors, exit codes."""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from agentfast.agent.errors import LimitExceededError
from agentfast.cli import main as cli
from agentfast.cli.process.exits import Exit, exit_code, report
from agentfast.errors import (
    AgentFastError,
    BudgetTooSmallError,
    CheckpointError,
    ConfigError,
    EngineError,
    UnsupportedSchemaError,
)

HEAVY = ("torch", "numpy", "numba", "rich", "pydantic", "asyncio")


def test_help_is_light() -> None:
    script = (
        "import sys\n"
        "from agentfast.cli.main import build_parser\n"
        "build_parser().format_help()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_run_and_chat_load_the_shop_and_neither_tasks_nor_other_commands() -> None:
    script = (
        "import sys\n"
        "import agentfast.cli.talk.run, agentfast.cli.talk.chat\n"
        "from agentfast.cli.desk import desk_agent, open_shop\n"
        "from agentfast.models.scripted import ScriptedModel\n"
        "desk_agent(ScriptedModel([]), open_shop(0), 'orders')\n"
        "print(*(name for name in sys.modules if name.startswith(('agentfast.cli.', 'agentfast.nano.'))))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = result.stdout.split()
    assert {name.split(".")[2] for name in loaded if name.startswith("agentfast.nano.")} == {"shop"}
    assert not [name for name in loaded if name.startswith(("agentfast.cli.demo", "agentfast.cli.bench"))]


WRONG = [
    ["schema", "no such file"],
    ["schema", "-", "--model", "no such folder"],
    ["demo", "--model", "no such folder"],
    ["demo", "--dtype", "bfloat16"],
    ["demo", "--json", "--plain"],
    ["run", ""],
    ["run", "Hello.", "--model", "no such folder"],
    ["run", "Hello.", "--url", "ftp://host", "--model", "m"],
    ["run", "Hello.", "--url", "http://host/v1"],
    ["run", "Hello.", "--schema", "no such file"],
    ["run", "Hello.", "--agent", "no_such_module:agent"],
    ["run", "Hello.", "--agent", "no_such_file.py:agent"],
    ["chat", "--agent", "json:loads", "--desk", "stock"],
    ["chat", "--key-env", "NO_SUCH_VARIABLE"],
    ["bench", "--diffusion", "no such folder"],
    ["bench", "--oracle", "fast"],
    ["bench", "--out", "no such folder/report.json"],
    ["bench", "--shared-device"],
    ["bench", "--no-outside", "--outside-seconds", "3"],
]


@pytest.mark.parametrize("arguments", WRONG, ids=" ".join)
def test_wrong_arguments_are_named_in_one_line_before_anything_is_loaded(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from agentfast.cli.main import main\n"
        f"code = main({arguments!r})\n"
        "print(code, [name for name in ('torch', 'numpy', 'numba', 'pydantic') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL
    )
    assert result.stdout == f"{Exit.USAGE.value} []\n"
    assert result.stderr.startswith("agentfast: ")
    assert result.stderr.count("\n") == 1


def test_a_schema_is_compiled_without_torch_and_without_weights(tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "integer"}')
    script = (
        "import sys\n"
        "from agentfast.cli.main import main\n"
        f"code = main(['schema', {str(file)!r}])\n"
        "print(code, 'torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "0 False"


@pytest.mark.parametrize("module", ["agentfast", "agentfast.cli.main"])
def test_the_command_runs_as_a_module(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("agentfast ")


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no full device here")
    file = tmp_path / "schema.json"
    file.write_text('{"type": "integer"}')
    with full.open("w") as output:
        done = subprocess.run(
            [sys.executable, "-m", "agentfast", "schema", str(file)],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == Exit.FAILED
    assert done.stderr.splitlines()[-1] == "agentfast: cannot write: No space left on device"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [[], ["demo"], ["run"], ["chat"], ["schema"], ["bench"]])
def test_every_command_explains_itself(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: agentfast" in capsys.readouterr().out


def test_help_lists_every_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    help_text = capsys.readouterr().out
    assert all(f"\n  {code.value} " in help_text for code in Exit)


def test_the_version_is_the_installed_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        return f"1.2.3 of {name}"

    monkeypatch.setattr(metadata, "version", version)
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "agentfast 1.2.3 of agentfast\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["demo", "--agents", "0"],
        ["demo", "--agents", "x"],
        ["demo", "--seed", "-1"],
        ["demo", "--device", "gpu"],
        ["demo", "--device", "cuda:x"],
        ["bench", "--dtype", "float33"],
        ["bench", "--temperature", "nan"],
        ["bench", "--limit", "-1"],
        ["bench", "--outside-seconds", "-1"],
        ["run"],
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == Exit.USAGE
    assert capsys.readouterr().err.startswith("usage: agentfast")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), Exit.USAGE),
        (UnsupportedSchemaError("not", "/a", "why"), Exit.REFUSED),
        (BudgetTooSmallError(9, 3), Exit.REFUSED),
        (LimitExceededError("x"), Exit.LIMIT),
        (CheckpointError("x"), Exit.FAILED),
        (EngineError("x"), Exit.FAILED),
    ],
)
def test_each_kind_of_error_has_its_exit_code(error: AgentFastError, code: Exit) -> None:
    assert exit_code(error) is code


def test_an_error_is_one_line_with_its_hint(capsys: pytest.CaptureFixture[str]) -> None:
    report(ConfigError("two\nlines", hint="do this"))
    assert capsys.readouterr().err == "agentfast: two lines (do this)\n"


def run_instead(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> int:
    def fail(options: argparse.Namespace) -> Exit:
        raise error

    monkeypatch.setattr(cli, "run_demo", fail)
    return cli.main(["demo"])


def test_ctrl_c_ends_with_130_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_instead(monkeypatch, KeyboardInterrupt()) == Exit.INTERRUPTED
    assert capsys.readouterr().err == "agentfast: interrupted\n"


def test_an_agentfast_error_ends_with_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_instead(monkeypatch, LimitExceededError("too long")) == Exit.LIMIT


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RuntimeError, match="bug"):
        run_instead(monkeypatch, RuntimeError("bug"))
