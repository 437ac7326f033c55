"""`agentfast mcp`, as a process, asked by agentfast and by the client of the package mcp."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client
from mcp.types import TextContent

from agentfast import Agent, AssistantMessage, MCPServer, ScriptedModel, ToolCall, ToolError
from tests.support.servers.mcp_kit import ROOT, call, ours, until

MODULE = '''
import asyncio, os, subprocess
from pathlib import Path
from agentfast import Agent, ScriptedModel, tool

print("printed when imported")

@tool(pure=True)
def add(a: int, b: int) -> dict[str, int]:
    """Add."""
    print("printed in a call")
    subprocess.run(["echo", "printed by a child"], check=True)
    return {"sum": a + b}

@tool
async def wait(folder: str) -> str:
    """Wait until cancelled."""
    Path(folder, "begun").touch()
    try:
        await asyncio.Event().wait()
    finally:
        Path(folder, "ended").touch()
    return "never"

@tool(requires_approval=True)
def erase() -> str:
    """Erase."""
    return "erased"

tools = [add, wait]
agent = Agent(ScriptedModel(["Hello."]), name="helper", description="Helps.")
undescribed = Agent(ScriptedModel(["Hello."]), name="helper")
'''


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentfast", "mcp", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


async def test_a_list_of_tools_is_served_and_prints_do_not_disturb(
    module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with ours(f"{module}:tools") as server:
        assert await call(server, "add", a=1, b=2) == {"sum": 3}
        with pytest.raises(ToolError, match="invalid arguments"):
            await server.tools()[0].function(a="x", b=2)
    assert "Failed to parse" not in caplog.text


async def test_an_agent_uses_the_tools_of_another_process(module: Path) -> None:
    model = ScriptedModel([AssistantMessage(calls=(ToolCall("add", {"a": 1, "b": 2}),)), "It is 3."])
    async with ours(f"{module}:tools") as server:
        result = await Agent(model, tools=[server]).run("1 + 2?")
    assert result.steps[0].results[0].content == '{"sum":3}'


async def test_an_agent_is_served_as_a_tool(module: Path) -> None:
    async with ours(f"{module}:agent") as server:
        assert await call(server, "helper", prompt="Hi") == "Hello."


async def test_a_cancelled_call_is_cancelled_in_the_server(module: Path, tmp_path: Path) -> None:
    async with ours(f"{module}:tools") as server:
        waiting = asyncio.create_task(call(server, "wait", folder=str(tmp_path)))
        await until((tmp_path / "begun").exists)
        waiting.cancel()
        await until((tmp_path / "ended").exists)


async def test_tools_are_served_by_http_until_it_is_interrupted(module: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "agentfast", "mcp", f"{module}:tools", "--http", ":0"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines: list[str] = []
        while not (found := re.search(r"serving at (\S+)", "".join(lines))):
            lines.append(await asyncio.to_thread(process.stderr.readline))
            assert lines[-1], lines
        url = found[1]
        assert url.startswith("http://127.0.0.1:")
        async with Client(url) as client:
            result = await client.call_tool("add", {"a": 1, "b": 2})
            assert result.content == [TextContent(text='{"sum":3}')]
        async with MCPServer.http(url) as server:
            waiting = asyncio.create_task(call(server, "wait", folder=str(tmp_path)))
            await until((tmp_path / "begun").exists)
            waiting.cancel()
            await until((tmp_path / "ended").exists)
        process.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(process.wait, 60) == 130
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "has no 'nothing'"),
        ("undescribed", "agent 'helper' has no description"),
        ("erase", "tool 'erase' requires approval"),
        ("MODULE", "an MCP server is given"),
    ],
)
def test_what_cannot_be_served_ends_the_command(module: Path, name: str, said: str) -> None:
    if name == "MODULE":
        module.write_text(MODULE + "\nMODULE = 5\n", encoding="utf-8")
    done = command(f"{module}:{name}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no_such_module:tools",), "no_such_module:tools: there is no module"),
        (("nothing",), "it has to be MODULE:NAME"),
        (("os:path", "--http", "here"), "'here' is no HOST:PORT"),
        (("os:path", "--http", ":99999"), "':99999' is no HOST:PORT"),
    ],
)
def test_wrong_arguments_end_the_command(arguments: tuple[str, ...], said: str) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
