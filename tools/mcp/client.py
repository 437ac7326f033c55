"""Clients of the package `mcp`, with what this one listens to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from importlib import metadata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mcp import Client
    from mcp.client import Transport

_LOG = logging.getLogger("agentfast.tools.mcp")
_LEVELS: Final = {
    "debug": logging.DEBUG,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "alert": logging.CRITICAL,
    "emergency": logging.CRITICAL,
}
_background: Final[set[asyncio.Task[None]]] = set()
Changed = Callable[["Client"], Awaitable[None]]
"""Called after the server said that its list of tools has changed."""


def new_client(transport: Transport, name: str, changed: Changed) -> Client:
    """A client that is not opened yet. What the server logs goes to the log.

    Args:
        transport: the way to the server.
        name: the server's, for the log.
        changed: see `Changed`.
    """
    from mcp import Client, types

    async def notified(message: object) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            _start(_tell(client, name, changed))  # not here, where it would hold up the connection

    async def logged(params: types.LoggingMessageNotificationParams) -> None:
        _LOG.log(_LEVELS.get(params.level, logging.INFO), "%s: %s", name, params.data)

    info = types.Implementation(name="agentfast", version=metadata.version("agentfast"))
    client = Client(
        transport, cache=None, message_handler=notified, logging_callback=logged, client_info=info
    )
    return client


def follow_changes(client: Client, name: str, changed: Changed) -> None:
    """Ask for news of changes, in the versions of MCP where they do not come unasked."""
    from mcp_types.version import MODERN_PROTOCOL_VERSIONS

    tools = client.server_capabilities.tools
    if tools is not None and tools.list_changed and client.protocol_version in MODERN_PROTOCOL_VERSIONS:
        _start(_listen(client, name, changed))


async def _listen(client: Client, name: str, changed: Changed) -> None:
    try:
        async with client.listen(tools_list_changed=True) as changes:
            async for _ in changes:
                await _tell(client, name, changed)
    except Exception as error:  # noqa: BLE001  (the connection's loss is noticed by whoever asks next)
        _LOG.debug("%s: no news of its tools any more", name, exc_info=error)


async def _tell(client: Client, name: str, changed: Changed) -> None:
    try:
        await changed(client)
    except Exception as error:  # noqa: BLE001  (the tools stay as they were listed before)
        _LOG.warning("%s: its tools have changed, and cannot be read: %s", name, error)


def _start(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.get_running_loop().create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)
