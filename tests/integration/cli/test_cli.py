"""The commands from end to end, on a model with random weights: what they print, and how they end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1000, "maximum": 9999},
        "status": {"enum": ["open", "paid"]},
    },
    "required": ["id", "status"],
}


@pytest.fixture
def model(random_checkpoint: Path) -> list[str]:
    return ["--model", str(random_checkpoint)]


def schema_file(folder: Path, content: object) -> str:
    file = folder / "schema.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(file)


def test_schema_reports_what_a_schema_costs(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", schema_file(tmp_path, SCHEMA), *model]) == Exit.OK
    report = capsys.readouterr().out
    assert [line.split()[0] for line in report.splitlines()] == [
        "states",
        "edges",
        "classes",
        "compiled",
        "shortest",
        "needs",
    ]


def test_the_shortest_instance_is_valid_and_counted(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", schema_file(tmp_path, SCHEMA), "--json", *model]) == Exit.OK
    report = json.loads(capsys.readouterr().out)
    shortest = json.loads(report["shortest"])
    assert 1000 <= shortest["id"] <= 9999
    assert shortest["status"] in ("open", "paid")
    assert 0 < report["min_tokens"] <= len(report["shortest"]) + 1


def test_a_schema_can_come_from_standard_input(
    model: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO('{"const": [1, 2]}'))
    assert main(["schema", "-", "--json", *model]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["shortest"] == "[1,2]"


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (
            {"properties": {"a": {"nullable": True}}, "type": "object"},
            Exit.REFUSED,
            "'nullable' at /properties/a",
        ),
        ({"enum": []}, Exit.REFUSED, ""),
        ("{", Exit.USAGE, "is not JSON"),
        ("\ufeff", Exit.USAGE, "is not JSON"),
    ],
)
def test_a_schema_that_cannot_be_compiled_is_refused_in_one_line(
    content: object,
    code: Exit,
    said: str,
    model: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["schema", schema_file(tmp_path, content), *model]) == code
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.startswith("agentfast: ")
    assert said in output.err
    assert output.err.count("\n") == 1


def test_references_lead_to_the_files_of_a_folder(
    model: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "documents"
    (folder / "parts").mkdir(parents=True)
    (folder / "parts" / "code.json").write_text('{"$ref": "#/$defs/code", "$defs": {"code": {"const": 7}}}')
    file = schema_file(tmp_path, {"type": "array", "items": {"$ref": "parts/code.json"}, "minItems": 2})
    assert main(["schema", file, "--json", "--documents", str(folder), *model]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["shortest"] == "[7,7]"
    assert main(["schema", file, *model]) == Exit.REFUSED
    assert "parts/code.json" in capsys.readouterr().err
    assert main(["schema", file, "--documents", file, *model]) == Exit.USAGE
    assert "is not a folder" in capsys.readouterr().err


def test_a_missing_file_is_named(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "no such file", *model]) == Exit.USAGE
    assert "no such file" in capsys.readouterr().err


def test_a_missing_checkpoint_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "Hello.", "--model", "no such folder"]) == Exit.USAGE
    assert "no such folder" in capsys.readouterr().err


def test_an_empty_prompt_is_refused_before_anything_is_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", " "]) == Exit.USAGE
    assert "the prompt is empty" in capsys.readouterr().err


def test_run_answers_on_standard_output(model: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["run", "What is the status of order 1042?", "--quiet", "--seed", "1", *model])
    output = capsys.readouterr()
    # Random weights may go on to the token limit, which is an exit code of its own.
    assert (code == Exit.OK and output.out) or (code == Exit.LIMIT and output.err.startswith("agentfast: "))


def test_chat_goes_on_until_it_is_told_to_quit(
    model: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("Hello.\n\nAnd now?\n/quit\nnever read\n"))
    assert main(["chat", *model]) == Exit.OK
    output = capsys.readouterr()
    assert output.out or output.err
    assert sys.stdin.read() == "never read\n"


def test_the_demo_ends_with_a_line_of_json_and_no_invalid_call(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--agents", "3", "--tasks", "4", "--json", *model]) == Exit.OK
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (figures["agents"], figures["tasks"], figures["invalid_calls"]) == (3, 4, 0)


def test_the_plain_demo_has_a_line_for_each_task(
    model: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--agents", "2", "--tasks", "2", "--plain", *model]) == Exit.OK
    output = capsys.readouterr().out
    assert "  1/2 agent" in output
    assert "  2/2 agent" in output
    assert "2 agents, 2 tasks" in output


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "agentfast", *arguments]


def test_ctrl_c_ends_the_demo_without_a_traceback(model: list[str]) -> None:
    demo = subprocess.Popen(
        command("demo", "--plain", "--agents", "1", "--tasks", "500", *model),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and the demo would inherit that from the tests.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with demo:
        assert demo.stdout is not None
        assert "1/500" in demo.stdout.readline()  # it is at work, and has seconds to go
        demo.send_signal(signal.SIGINT)
        _, errors = demo.communicate(timeout=60)
    assert demo.returncode == Exit.INTERRUPTED
    assert errors == "agentfast: interrupted\n"


def test_nobody_reading_the_output_is_no_traceback(model: list[str], tmp_path: Path) -> None:
    schema = subprocess.Popen(
        command("schema", schema_file(tmp_path, SCHEMA), *model),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert schema.stdout is not None
    schema.stdout.close()
    assert schema.stderr is not None
    with schema.stderr:
        errors = schema.stderr.read()
    assert schema.wait(timeout=60) == Exit.PIPE
    assert errors == ""
