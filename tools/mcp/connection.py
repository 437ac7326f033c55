"""A connection to an MCP server that is made anew when it is lost. All of it runs on the owner's loop."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agentfast.errors import MCPConnectionError, ToolError
from agentfast.tools.mcp.transports import LOST, NOT_SENT, SESSION_GONE, Transport

if TYPE_CHECKING:
    from mcp import Client

T = TypeVar("T")
_LOG = logging.getLogger("agentfast.tools.mcp")
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 2.0


class Link:
    """One connection, from its opening to its loss, held by a task of its own.

    Attributes:
        is_dead: nothing more can come from it.
    """

    def __init__(self) -> None:
        self.is_dead = False
        self.ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    @property
    def client(self) -> Client:
        """The package's client, once the link is ready."""
        return self.ready.result()

    def let_go(self) -> None:
        """Have its task close it."""
        self.is_dead = True
        self._end.set()

    async def hold(self, make: Callable[[Callable[[], None]], Client], limit_s: float) -> None:
        """Open it within the limit, and close it when it was let go: in this task, as anyio asks."""
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(limit_s):
                    client = await stack.enter_async_context(make(self.let_go))
                self.ready.set_result(client)
                await self._end.wait()
                self.is_dead = True
        except BaseException as error:  # noqa: BLE001  (whoever waits for it is told; what comes at the end is logged)
            if not self.ready.done():
                self.ready.set_exception(error if isinstance(error, Exception) else ToolError("cancelled"))
            else:
                _LOG.debug("a connection ended with an error", exc_info=error)
        finally:
            self.is_dead = True


class Connection:
    """The connection of an `MCPServer`: opened, used, lost and made again."""

    def __init__(
        self,
        name: str,
        transport: Transport,
        make_client: Callable[[Any], Client],
        on_open: Callable[[Client], Awaitable[None]],
        *,
        limit_s: float,
        retries: int,
    ) -> None:
        """Take what it needs; nothing is opened.

        Args:
            name: the server's, for messages.
            transport: the way to the server.
            make_client: a client of the package for an opened transport.
            on_open: called with each new client, before anything else is asked.
            limit_s: seconds for connecting.
            retries: further tries, where the connection is lost.
        """
        self._name = name
        self._transport = transport
        self._make_client = make_client
        self._on_open = on_open
        self._limit_s = limit_s
        self._retries = retries
        self._link: Link | None = None
        self._lock: asyncio.Lock | None = None
        self._pid = os.getpid()
        self._was_open = False
        self.is_closed = False

    @property
    def is_open(self) -> bool:
        """There is a link that lives, of this process."""
        return self._link is not None and not self._link.is_dead and os.getpid() == self._pid

    async def open(self) -> None:
        """Connect, unless it is connected.

        Raises:
            MCPConnectionError: there is no connection to be had.
        """
        await self._opened()

    async def close(self) -> None:
        """Close it, and wait until it is."""
        self.is_closed = True
        link, self._link, self._was_open = self._link, None, False
        if link is not None and link.task is not None and os.getpid() == self._pid:
            link.let_go()
            await asyncio.wait([link.task])

    async def request(
        self, send: Callable[[Client], Awaitable[T]], what: str, *, is_repeatable: bool = True
    ) -> T:
        """Ask the server, again where the connection was lost.

        Args:
            send: asks a client.
            what: for messages.
            is_repeatable: it may be asked twice. Otherwise it is asked again only if it certainly did not reach the server.

        Raises:
            MCPConnectionError: the connection was lost, and could not be made again or was not tried.
            ToolError: the server refused, or answered what MCP does not allow.
        """
        from mcp import MCPError
        from mcp.types import CONNECTION_CLOSED

        reason, pause = "", _FIRST_PAUSE_S
        for attempt in range(self._retries + 1):
            if attempt:
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
            link = await self._opened()
            try:
                return await send(link.client)
            except MCPError as error:
                if error.code not in (CONNECTION_CLOSED, LOST, NOT_SENT, SESSION_GONE):
                    raise ToolError(f"{what}: {error.message}") from error
                if error.code == SESSION_GONE:
                    link.let_go()
                reason = error.message
                was_sent = error.code in (CONNECTION_CLOSED, LOST)
                if was_sent and not is_repeatable:
                    raise MCPConnectionError(
                        f"{what}: the connection to MCP server {self._name!r} was lost meanwhile ({reason}{self._last_words()})",
                        hint="it may have taken effect, so it is not called again",
                    ) from error
            except (RuntimeError, ValueError) as error:  # of the package, about what the server answered
                raise ToolError(f"{what}: {error}") from error
            _LOG.warning("%s: the connection was lost (%s)", self._name, reason)
        raise MCPConnectionError(
            f"{what}: MCP server {self._name!r} is out of reach after {self._retries + 1} tries ({reason}{self._last_words()})"
        )

    async def _opened(self) -> Link:
        """The link, a new one if there is none that lives.

        Raises:
            MCPConnectionError: see `open`.
        """
        if self.is_closed:
            raise MCPConnectionError(
                f"MCP server {self._name!r} was closed", hint="use it inside `async with`"
            )
        if os.getpid() != self._pid:
            raise MCPConnectionError(
                f"MCP server {self._name!r} was made before a fork", hint="make it in the child process"
            )
        self._lock = self._lock or asyncio.Lock()
        async with self._lock:
            if self._link is not None and not self._link.is_dead:
                return self._link
            tries = (
                self._retries + 1 if self._was_open else 1
            )  # a wrong command is no better at the second try
            pause = _FIRST_PAUSE_S
            while True:
                tries -= 1
                try:
                    self._link = await self._new_link()
                except MCPConnectionError:
                    if not tries:
                        raise
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_PAUSE_S)
                else:
                    self._was_open = True
                    return self._link

    async def _new_link(self) -> Link:
        link = Link()
        link.task = asyncio.create_task(
            link.hold(lambda lost: self._make_client(self._transport.open(lost)), self._limit_s)
        )
        try:
            client = await asyncio.shield(link.ready)
            async with asyncio.timeout(self._limit_s):
                await self._on_open(client)
        except BaseException as error:
            link.let_go()
            if not link.ready.done():
                link.task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([link.task])
            if not isinstance(error, Exception) or isinstance(error, ToolError):
                raise
            raise MCPConnectionError(
                f"cannot connect to MCP server {self._name!r} ({self._transport.where}): "
                f"{_told(error, self._limit_s)}{self._last_words()}"
            ) from error
        return link

    def _last_words(self) -> str:
        words = self._transport.last_words()
        return f"; it said: {words}" if words else ""


def _told(error: BaseException, limit_s: float) -> str:
    """An exception in a line: the innermost one of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, TimeoutError):
        return f"no answer within {limit_s:g} s"
    return str(error) or type(error).__name__
