"""MCP servers that others published, where they are installed: npm's by `npx --no-install`, PyPI's by its command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from agentfast import Agent, AssistantMessage, MCPServer, ScriptedModel, ToolCall, ToolError, held_by, nano
from tests.support.servers.mcp_kit import call

pytestmark = pytest.mark.slow
FOLDER = os.environ.get("AGENTFAST_MCP_SERVERS", ".")
"""A folder in which `npm install` was run, or a virtual environment."""


def npm(package: str, *args: str) -> MCPServer:
    """A server of npm's; the test is skipped where it is not installed."""
    npx = shutil.which("npx")
    command = [npx or "npx", "--no-install", package]
    installed = Path(FOLDER, "node_modules", package).is_dir()
    if npx is None or not installed:
        pytest.skip(f"{package} is not installed in {FOLDER}")
    return MCPServer.stdio(command[0], [*command[1:], *args], cwd=FOLDER, name=package, connect_timeout=120)


def pypi(command: str) -> MCPServer:
    """A server of PyPI's; the test is skipped where it is not installed."""
    found = shutil.which(command) or shutil.which(command, path=str(Path(FOLDER, "bin")))
    if found is None:
        pytest.skip(f"{command} is not installed")
    return MCPServer.stdio(found, connect_timeout=120)


async def test_the_reference_server_of_everything() -> None:
    model = nano.load()
    async with npm("@modelcontextprotocol/server-everything") as server:
        held = server.filtered(held_by(model)).tools()
        assert [each.name for each in held] == [each.name for each in server.tools()]
        assert await call(server, "echo", message="hi") == "Echo: hi"
        assert await call(server, "get-sum", a=2, b=3) == "The sum of 2 and 3 is 5."
        weather = await call(server, "get-structured-content", location="New York")
        assert weather.keys() == {"temperature", "conditions", "humidity"}
        assert (await call(server, "get-tiny-image"))[1]["mime_type"] == "image/png"
        resources = await server.list_resources()
        assert (await server.read_resource(resources[0].uri))[0].text
        assert (await server.get_prompt("simple-prompt"))[0].role == "user"


async def test_the_reference_server_of_files(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("bread", encoding="utf-8")
    path = str(tmp_path / "note.txt")
    model = ScriptedModel([AssistantMessage(calls=(ToolCall("read_text_file", {"path": path}),)), "Bread."])
    async with npm("@modelcontextprotocol/server-filesystem", str(tmp_path)) as server:
        result = await Agent(model, tools=[server]).run("What is in the note?")
        assert result.steps[0].results[0].content == '{"content":"bread"}'
        with pytest.raises(ToolError, match="Access denied"):
            await call(server, "read_text_file", path="/etc/hostname")


async def test_the_reference_server_of_time() -> None:
    async with pypi("mcp-server-time") as server:
        now = await call(server, "get_current_time", timezone="Europe/Rome")
        assert now["timezone"] == "Europe/Rome"
        with pytest.raises(ToolError, match="Mars"):
            await call(server, "get_current_time", timezone="Mars")
