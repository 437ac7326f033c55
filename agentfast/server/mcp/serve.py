"""Serve an MCP server over standard input and output, or over streamable HTTP."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from agentfast.errors import ConfigError

if TYPE_CHECKING:
    from mcp.server import Server


async def serve_stdio(server: Server[Any]) -> None:
    """Serve one client over the process's standard input and output, until it closes them.

    What tools print goes to standard error meanwhile.
    """
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (incoming, outgoing):
        try:
            await server.run(incoming, outgoing, server.create_initialization_options())
        finally:
            sys.stdout.flush()  # while it leads to standard error


async def serve_http(
    server: Server[Any],
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve any number of clients by streamable HTTP, at the path /mcp, until it is cancelled.

    On a loopback address requests are refused whose Host or Origin is another machine's name, as a web page's would be.

    Args:
        server: what to serve.
        host: a name or address to listen at. Whoever reaches another than a loopback address can call the tools.
        port: 0 takes a free one.
        ready: told the address once it listens.

    Raises:
        ConfigError: it cannot listen there.
    """
    import uvicorn

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except (OSError, OverflowError) as error:
            raise ConfigError(f"cannot listen at {host}:{port}: {error}") from error
        listener.listen()
        app = server.streamable_http_app(host="127.0.0.1" if is_loopback(host) else host)
        config = uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=3)
        if ready is not None:
            shown = f"[{host}]" if ":" in host else host
            ready(f"http://{shown}:{listener.getsockname()[1]}/mcp")
        await uvicorn.Server(config).serve(sockets=[listener])
    finally:
        listener.close()


def is_loopback(host: str) -> bool:
    """True for an address or name that only this machine reaches."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
