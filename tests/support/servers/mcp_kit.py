"""MCP servers for tests: the kit of `mcp_server.py` as a process, and by HTTP on a free port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Unpack

import anyio

from agentfast import MCPServer
from agentfast.tools.mcp.options import MCPOptions

ROOT = Path(__file__).parents[3]
KIT = str(Path(__file__).with_name("mcp_server.py"))


def kit(*, env: Mapping[str, str] | None = None, **options: Unpack[MCPOptions]) -> MCPServer:
    """The kit over standard input and output."""
    options.setdefault("name", "kit")
    options.setdefault("connect_timeout", 120.0)  # the package's import, on a busy machine
    return MCPServer.stdio(sys.executable, [KIT], env=env, **options)


def ours(served: str, *more: str) -> MCPServer:
    """`agentfast mcp` over standard input and output."""
    command = ["-m", "agentfast", "mcp", served, *more]
    return MCPServer.stdio(
        sys.executable, command, env={"PYTHONPATH": str(ROOT)}, name="ours", connect_timeout=120
    )


async def call(server: MCPServer, name: str, /, **arguments: Any) -> Any:
    """Call a tool of the server, by its name there."""
    tool = next(each for each in server.tools() if name in (each.name, each.original_name))
    return await tool.function(**arguments)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait until it is so; a test's own time limit ends a wait in vain."""
    with anyio.fail_after(120):
        while not is_so():  # noqa: ASYNC110  (another process makes it so)
            await anyio.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens at now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@asynccontextmanager
async def over_http(port: int, journal: Path | None = None) -> AsyncGenerator[subprocess.Popen[bytes]]:
    """The kit by streamable HTTP, at /mcp; it listens when the context is entered."""
    env = dict(os.environ) | ({"MCP_JOURNAL": str(journal)} if journal else {})
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, KIT, "127.0.0.1", str(port)], env=env, stderr=subprocess.DEVNULL
    )
    try:
        await until(lambda: _listens(port))
        yield process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
