"""An MCP server as a toolset."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, Unpack
from urllib.parse import urlsplit

from agentfast.errors import MCPConnectionError
from agentfast.tools.definition import Tool
from agentfast.tools.mcp.client import follow_changes, new_client
from agentfast.tools.mcp.connection import Connection
from agentfast.tools.mcp.listing import all_pages, tools_of
from agentfast.tools.mcp.options import (
    MCPOptions,
    check_address,
    check_command,
    check_mcp_options,
    check_package,
)
from agentfast.tools.mcp.owner import on_owner, wait_on_owner
from agentfast.tools.mcp.reading import (
    Prompt,
    PromptMessage,
    Resource,
    ResourceContents,
    contents,
    prompt_message,
    read_prompts,
    read_resources,
)
from agentfast.tools.mcp.results import result_value
from agentfast.tools.mcp.transports import Http, Stdio, Transport
from agentfast.tools.toolsets.combining import BaseToolset

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")
_LOG = logging.getLogger("agentfast.tools.mcp")
_RETRIES: Final = 3
_CONNECT_TIMEOUT_S: Final = 30.0
_LEAVING_S: Final = 6.0
"""Seconds that the end of the program waits for a server's process."""


class MCPServer(BaseToolset):
    """The tools, resources and prompts of an MCP server, made by `MCPServer.stdio` or `MCPServer.http`.

    `async with` opens the connection, and the last one that ends closes it. Without it the connection is opened when the tools
    are first asked for, as by `Agent(tools=[server])`, which waits for it; it is closed by `aclose` or at the end of the
    program. Any number of agents, event loops and threads may share it. A connection that is lost is made again.

    Attributes:
        name: for messages and the log.
        skipped: reasons by the names of the tools that were left out.
    """

    def __init__(self, transport: Transport, name: str, options: MCPOptions) -> None:
        self.name = name
        self.skipped: Mapping[str, str] = {}
        self._options = options
        self._tools: Sequence[Tool[Any]] | None = None
        self._users = 0
        self._lock = threading.Lock()
        self._connection = Connection(
            name,
            transport,
            self._make_client,
            self._connected,
            limit_s=options.get("connect_timeout", _CONNECT_TIMEOUT_S),
            retries=options.get("retries", _RETRIES),
        )
        _servers.add(self)

    @classmethod
    def stdio(
        cls,
        command: str,
        args: Sequence[str] = (),
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        **options: Unpack[MCPOptions],
    ) -> MCPServer:
        """A server that runs in a process of its own. What it writes to standard error goes to the log.

        Args:
            command: the program, such as "npx".
            args: its arguments.
            env: variables of its environment, beside PATH, HOME and a few others; it gets none else of this process's.
            cwd: the folder that it runs in; None: this process's.
            options: see `MCPOptions`.

        Raises:
            ConfigError: an argument is something else than it takes, or the package mcp is not installed.
        """
        check_command(command, args, env or {})
        check_mcp_options(options)
        check_package()
        name = options.get("name") or Path(command).name
        return cls(Stdio(command, tuple(args), dict(env or {}), cwd, name), name, options)

    @classmethod
    def http(
        cls, url: str, *, headers: Mapping[str, str] | None = None, **options: Unpack[MCPOptions]
    ) -> MCPServer:
        """A server at an address, by streamable HTTP.

        Args:
            url: its address, such as "http://localhost:8000/mcp".
            headers: sent with every request, such as an Authorization. Redirects lead to the same server only.
            options: see `MCPOptions`.

        Raises:
            ConfigError: an argument is something else than it takes, or the package mcp is not installed.
        """
        check_address(url, headers or {})
        check_mcp_options(options)
        check_package()
        name = options.get("name") or urlsplit(url).netloc.rpartition("@")[2]
        return cls(Http(url, dict(headers or {})), name, options)

    def tools(self) -> Sequence[Tool[Any]]:
        """The server's tools, as they are now. An agent keeps those that it was made with.

        Raises:
            MCPConnectionError: the server cannot be reached, or was closed.
            ToolDefinitionError: no tool can be made of one of its tools; see `skip_unusable`.
        """
        if self._connection.is_closed:
            raise MCPConnectionError(
                f"MCP server {self.name!r} was closed", hint="make the agent inside `async with`"
            )
        if self._tools is None:
            wait_on_owner(self._connection.open())
        return self._tools or ()

    async def __aenter__(self) -> Self:
        """Open the connection, unless it is open.

        Raises:
            MCPConnectionError: the server cannot be reached.
            ToolDefinitionError: no tool can be made of one of its tools.
        """
        with self._lock:
            self._users += 1
            self._connection.is_closed = False
        try:
            await on_owner(self._connection.open())
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close the connection, if nobody else is inside `async with`."""
        with self._lock:
            self._users -= 1
            is_last = self._users == 0
        if is_last:
            await self.aclose()
        return None

    async def aclose(self) -> None:
        """Close the connection; a process ends. `async with` opens it again."""
        await on_owner(self._connection.close())

    def close(self) -> None:
        """Close the connection, outside of an event loop."""
        wait_on_owner(self._connection.close())

    async def list_resources(self) -> list[Resource]:
        """All that the server lets one read: resources, and templates of their addresses. Empty if it has none.

        Raises:
            MCPConnectionError: the server cannot be reached.
            ToolError: it refused.
        """
        return await self._ask(read_resources, "list_resources")

    async def read_resource(self, uri: str) -> list[ResourceContents]:
        """The contents behind an address; of a folder, for example, they may be several.

        Raises:
            MCPConnectionError: the server cannot be reached.
            ToolError: it refused, as where there is no such resource.
        """
        found = await self._ask(lambda client: client.read_resource(uri), f"read_resource({uri!r})")
        return [contents(each) for each in found.contents]

    async def list_prompts(self) -> list[Prompt]:
        """The prompts that the server has ready; empty if it has none.

        Raises:
            MCPConnectionError: the server cannot be reached.
            ToolError: it refused.
        """

        return await self._ask(read_prompts, "list_prompts")

    async def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> list[PromptMessage]:
        """A prompt's messages.

        Raises:
            MCPConnectionError: the server cannot be reached.
            ToolError: it refused, as where an argument is missing.
        """
        given = dict(arguments or {})
        found = await self._ask(lambda client: client.get_prompt(name, given), f"get_prompt({name!r})")
        return [prompt_message(each) for each in found.messages]

    async def _ask(self, send: Callable[[Client], Awaitable[T]], what: str) -> T:
        return await on_owner(self._connection.request(send, what))

    async def _call(self, name: str, arguments: dict[str, Any], is_repeatable: bool) -> Any:
        async def send(client: Client) -> Any:
            return result_value(await client.call_tool(name, arguments))

        return await on_owner(self._connection.request(send, name, is_repeatable=is_repeatable))

    def _make_client(self, transport: Any) -> Client:
        return new_client(transport, self.name, self._list)

    async def _connected(self, client: Client) -> None:
        await self._list(client)
        follow_changes(client, self.name, self._list)

    async def _list(self, client: Client) -> None:
        """Read the list of tools, and tell whoever wants to know if it has changed."""
        listed: list[Any] = []
        if client.server_capabilities.tools is not None:
            listed = await all_pages(lambda cursor: client.list_tools(cursor=cursor), "tools")
        tools, self.skipped = tools_of(listed, self._call, self._options)
        before, self._tools = self._tools, tuple(tools)
        if before is None or [each.definition for each in before] == [each.definition for each in tools]:
            return
        _LOG.info("%s: its tools have changed", self.name)
        changed = self._options.get("on_tools_changed")
        if changed is not None:
            try:
                changed()
            except Exception:  # noqa: BLE001  (the user's own, which the connection outlives)
                _LOG.exception("on_tools_changed failed")

    def __repr__(self) -> str:
        return f"MCPServer({self.name!r})"


_servers: weakref.WeakSet[MCPServer] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """End the processes of servers that nobody closed."""
    for server in list(_servers):
        if server._connection.is_open:
            with suppress(Exception):
                wait_on_owner(server._connection.close(), _LEAVING_S)
