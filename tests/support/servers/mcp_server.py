"""A server of the package mcp with everything that a client has to cope with; `python mcp_server.py` serves it over stdio.

With arguments HOST PORT it is served by streamable HTTP. Told by MCP_JOURNAL, it notes each call in a file.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

server = MCPServer("kit")
READ_ONLY = ToolAnnotations(read_only_hint=True)


def note(what: str) -> None:
    """Append a line to the journal."""
    if "MCP_JOURNAL" in os.environ:
        with Path(os.environ["MCP_JOURNAL"]).open("a") as journal:
            journal.write(what + "\n")


class Weather(BaseModel):
    city: str
    degrees: int


@server.tool(annotations=READ_ONLY)
def weather(city: Annotated[str, Field(description="the city's name")], days: int = 1) -> Weather:
    """The weather of a city."""
    return Weather(city=city, degrees=20 + days)


@server.tool(annotations=ToolAnnotations(idempotent_hint=True, destructive_hint=False))
def keep(key: str) -> str:
    """Keep something."""
    return f"kept {key}"


@server.tool(name="files.delete-it", structured_output=False)
def delete(path: str) -> str:
    """Delete a file."""
    return '{"deleted": true}'


@server.tool()
def fail(reason: str) -> str:
    """Fail."""
    raise ValueError(reason)


@server.tool()
async def wait(key: str) -> str:
    """Wait until cancelled."""
    note(f"begun {key}")
    try:
        await anyio.sleep_forever()
    finally:
        note(f"ended {key}")
    return "never"


@server.tool()
def die(key: str) -> str:
    """End the process."""
    note(f"died {key}")
    os._exit(3)


@server.tool(annotations=READ_ONLY)
def die_once(marker: str) -> str:
    """End the process, but the first time only."""
    note("die_once")
    if not Path(marker).exists():
        Path(marker).touch()
        os._exit(3)
    return "alive"


@server.tool(annotations=READ_ONLY)
def die_always() -> str:
    """End the process."""
    note("die_always")
    os._exit(3)


@server.tool()
def picture() -> Image:
    """A picture."""
    return Image(data=b"12345", format="png")


@server.tool()
def environment(name: str) -> str:
    """A variable of the environment."""
    return os.environ.get(name, "")


@server.tool()
async def grow(context: Context[Any]) -> str:
    """Get another tool."""

    def grown() -> str:
        """Came later."""
        return "grown"

    server.add_tool(grown)
    await context.session.send_tool_list_changed()
    await context.notify_tools_changed() if hasattr(context, "notify_tools_changed") else None
    return "done"


@server.resource("notes://today", name="today", mime_type="text/plain")
def today() -> str:
    """What is on today."""
    return "nothing"


@server.resource("notes://{day}/all", name="day")
def of_day(day: str) -> str:
    """What is on."""
    return f"on {day}: nothing"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}."


if __name__ == "__main__":
    sys.stderr.write("kit is up\n")
    sys.stderr.flush()
    if len(sys.argv) > 1:
        server.run("streamable-http", host=sys.argv[1], port=int(sys.argv[2]))
    else:
        server.run("stdio")
