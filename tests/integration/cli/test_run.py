"""`agentfast run` with a user's own agent, a server's model and an output schema: what is printed, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentfast.cli.main import main
from agentfast.cli.process.exits import Exit
from tests.support.servers.openai_server import Server, call, reply, turn

AGENT = """
from datetime import date

from agentfast import Agent, ScriptedModel, ToolCall, tool


@tool
def today() -> date:
    \"\"\"Tells the date.\"\"\"
    return date(2027, 3, 14)


own_agent = Agent(ScriptedModel([[ToolCall("today", {})], '"2027-03-14"']), tools=[today], output_type=date)
"""


@pytest.fixture
def own_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    (tmp_path / "own_module.py").write_text(AGENT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_module", raising=False)
    return ["--agent", "own_module:own_agent"]


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def test_an_own_agent_answers_and_its_calls_are_shown(
    own_agent: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "What day is it?", *own_agent]) == Exit.OK
    assert capsys.readouterr() == ('"2027-03-14"\n', '-> today {}\n<- "2027-03-14"\n')


def test_json_has_output_steps_and_usage(own_agent: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "What day is it?", "--json", "--quiet", *own_agent]) == Exit.OK
    line = json.loads(capsys.readouterr().out)
    assert list(line) == ["output", "steps", "usage", "seconds"]
    assert line["output"] == "2027-03-14"
    assert [step["calls"] for step in line["steps"]] == [
        [{"id": "call_0_0", "name": "today", "arguments": {}, "result": "2027-03-14", "is_error": False}],
        [],
    ]
    assert (line["usage"]["steps"], line["usage"]["tool_calls"]) == (2, 1)


@pytest.mark.parametrize("option", [["--desk", "stock"], ["--instructions", "x"], ["--url", "http://h/v1"]])
def test_an_own_agent_takes_no_options_that_say_what_it_is(
    own_agent: list[str], option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "Hello.", *own_agent, *option]) == Exit.USAGE
    assert f"{option[0]} does not go with --agent" in capsys.readouterr().err


def test_a_server_is_asked_with_the_name_the_instructions_and_the_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret")
    server = Server(usual=reply(turn({"content": "Hello to you."})))
    try:
        options = ["--url", server.url, "--model", "m", "--key-env", "MY_KEY", "--instructions", "Be kind."]
        assert main(["run", "Hello.", *options]) == Exit.OK
    finally:
        server.close()
    assert capsys.readouterr().out == "Hello to you.\n"
    assert server.asked[0]["model"] == "m"
    assert [message["content"] for message in server.asked[0]["messages"]] == ["Be kind.", "Hello."]
    assert "tools" not in server.asked[0]
    assert server.headers[0]["authorization"] == "Bearer secret"


def test_a_servers_model_may_work_at_a_desk(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server()
    server.replies += [
        reply(turn({"tool_calls": [call('{"id":1191}', "get_order")]}, "tool_calls")),
        reply(turn({"content": "It is on its way."})),
    ]
    try:
        assert main(["run", "How is order 1191?", "--url", f"{server.url}#m", "--desk", "orders"]) == Exit.OK
    finally:
        server.close()
    output = capsys.readouterr()
    assert output.out == "It is on its way.\n"
    assert '"status":"shipped"' in output.err


def test_the_embedded_model_fills_in_a_schema(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "contact.json"
    fields = {"name": {"type": "string"}, "city": {"type": "string"}, "email": {"type": "string"}}
    file.write_text(json.dumps({"type": "object", "properties": fields, "required": list(fields)}))
    prompt = "My name is Clara Novak, I am from Vienna, write to clara.novak@home.eu."
    assert main(["run", prompt, "--schema", str(file)]) == Exit.OK
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"name": "Clara Novak", "city": "Vienna", "email": "clara.novak@home.eu"}


def test_a_text_that_a_schema_asks_for_is_printed_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "text.json"
    file.write_text(json.dumps({"enum": ["a\nb"]}))
    assert main(["run", "Extract", "--schema", str(file)]) == Exit.OK
    assert capsys.readouterr().out == '"a\\nb"\n'


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("[1]", Exit.USAGE, "a schema is a JSON object, true or false, not [1]"),
        ("{", Exit.USAGE, "is not JSON"),
        ('{"type": "object", "properties": {"a": {"nullable": true}}}', Exit.REFUSED, "'nullable'"),
        ("false", Exit.REFUSED, '--schema: no value meets the schema {"not": {}}'),
        (
            '{"type": "object", "properties": {"n": {"enum": []}}, "required": ["n"]}',
            Exit.REFUSED,
            "--schema, field 'n': no value",
        ),
    ],
)
def test_a_schema_that_does_not_fit_is_refused_before_a_model_is_loaded(
    content: str,
    code: Exit,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("agentfast.cli.talk.agents.open_model", refuse)
    file = tmp_path / "schema.json"
    file.write_text(content)
    assert main(["run", "Hello.", "--schema", str(file)]) == code
    assert said in capsys.readouterr().err


def test_a_prompt_that_is_not_utf_8_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "caf\udce9"]) == Exit.USAGE
    assert "the prompt is not UTF-8 text (see character 4)" in capsys.readouterr().err


def test_ctrl_c_while_libraries_load_ends_at_once_whatever_they_catch(tmp_path: Path) -> None:
    (tmp_path / "stubborn.py").write_text(
        "import threading\n"
        "print('importing', flush=True)\n"
        "while True:\n"
        "    try:\n"
        "        threading.Event().wait(600)\n"
        "    except BaseException:\n"
        "        pass\n"
    )
    command = subprocess.Popen(
        [sys.executable, "-m", "agentfast", "run", "Hello.", "--agent", str(tmp_path / "stubborn.py:agent")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and the command would inherit that from the tests.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with command:
        assert command.stdout is not None
        assert command.stdout.readline() == "importing\n"
        command.send_signal(signal.SIGINT)
        try:
            _, errors = command.communicate(timeout=60)
        finally:
            command.kill()
    assert (command.returncode, errors) == (Exit.INTERRUPTED, "agentfast: interrupted\n")


def test_a_server_is_sent_the_seed_that_was_asked_for_and_none_otherwise(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.usual = reply(turn({"content": "Hi."}))
    at_server = ["--url", server.url, "--model", "m"]
    assert main(["run", "Hello.", *at_server, "--seed", "5"]) == Exit.OK
    assert main(["run", "Hello.", *at_server]) == Exit.OK
    assert capsys.readouterr().out == "Hi.\nHi.\n"
    assert server.asked[0]["seed"] == 5
    assert "seed" not in server.asked[1]


def test_an_answer_that_is_no_json_is_shown_by_its_beginning(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schema.json").write_text('{"type": "integer"}')
    server.usual = reply(turn({"content": "The answer is four."}))
    asked = ["run", "2 + 2?", "--url", server.url, "--model", "m", "--schema", str(tmp_path / "schema.json")]
    assert main(asked) == Exit.FAILED
    assert "the model answered 'The answer is four.'" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["true", "{}"])
def test_a_schema_that_says_nothing_may_be_true(
    content: str, server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "schema.json").write_text(content)
    server.usual = reply(turn({"content": "[1]"}))
    asked = ["run", "Any.", "--url", server.url, "--model", "m", "--schema", str(tmp_path / "schema.json")]
    assert main(asked) == Exit.OK
    assert capsys.readouterr().out == "[1]\n"
