"""A user's agent by its name: found in modules and files, and refused with what is wrong."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentfast.cli.talk.agent_file import load_agent
from agentfast.cli.talk.agent_name import check_agent_name
from agentfast.errors import ConfigError

MODULE = """
from agentfast import Agent, ScriptedModel

one = Agent(ScriptedModel(["One."]), name="one")
number = 7


def make():
    return Agent(ScriptedModel(["Made."]), name="made")


def broken():
    raise LookupError("no key")


def nothing():
    pass


def needs(argument):
    pass


async def make_later():
    return make()


def make_coroutine():
    return make_later()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "my_agents.py").write_text(MODULE)
    (tmp_path / "ends.py").write_text("import sys\nsys.exit(3)")
    (tmp_path / "fails.py").write_text("def inner():\n    import no_such_library\n\n\ninner()\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("my_agents:one", "one"),
        ("my_agents:make", "made"),
        ("my_agents.py:one", "one"),
        ("./my_agents.py:make", "made"),
    ],
)
def test_an_agent_or_a_function_that_makes_one_is_found(text: str, name: str) -> None:
    check_agent_name(text)
    assert load_agent(text).name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no_such_module:agent", "there is no module 'no_such_module'"),
        ("no_such_file.py:agent", "there is no file no_such_file.py"),
        ("my-agents:one", "it has to be MODULE:NAME"),
        ("", "it has to be MODULE:NAME"),
    ],
)
def test_a_module_that_is_not_there_is_found_missing_without_importing(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_agent_name(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("my_agents:two", "my_agents has no 'two' (it has my_agents:one)"),
        ("my_agents", "it names no agent (it has my_agents:one)"),
        ("my_agents:number", "number is an object of type int, not an Agent (it has my_agents:one)"),
        ("my_agents:nothing", "nothing() made an object of type NoneType, not an Agent"),
        ("my_agents:broken", "broken() failed: LookupError: no key"),
        ("my_agents:make_later", "make_later is an async function (make the agent in a plain one)"),
        ("my_agents:make_coroutine", "make_coroutine() made an object of type coroutine, not an Agent"),
        ("my_agents:needs", "needs() failed: TypeError"),
        ("ends:agent", "ends cannot be imported: SystemExit: 3"),
        ("json:agent", "json has no 'agent' (it has no agents at its top level)"),
    ],
)
def test_what_is_no_agent_is_refused_with_those_that_there_are(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_agent(text)
    assert said in str(refused.value)


def test_a_module_that_fails_shows_its_own_traceback_and_none_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(
        ConfigError, match=r"fails cannot be imported: ModuleNotFoundError: .*no_such_library"
    ):
        load_agent("fails:agent")
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert "fails.py" in shown.splitlines()[1]
    assert "agent_file.py" not in shown
