"""The client of the `openai` package for each event loop: made when first needed, closed with the loop."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from agentfast.errors import ConfigError
from agentfast.models.openai.http.endpoint import Endpoint

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def check_installed() -> None:
    """The package `openai` is there. It is not imported, which takes most of a second.

    Raises:
        ConfigError: it is not.
    """
    if find_spec("openai") is None:
        raise ConfigError("the package openai is not installed", hint="pip install 'agentfast[openai]'")


class Connections:
    """Connections to one endpoint. They belong to an event loop, this object to none.

    A user's own client is used as it is, and never closed here. It belongs to the loop that it is first used on.
    """

    def __init__(self, endpoint: Endpoint, client: AsyncOpenAI | None) -> None:
        """Take the endpoint, and the user's own client if there is one."""
        self._endpoint = endpoint
        self._given = client
        self._open: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncGenerator[AsyncOpenAI]] = (
            WeakKeyDictionary()
        )
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI] = WeakKeyDictionary()

    async def get(self) -> AsyncOpenAI:
        """The client of this event loop.

        Raises:
            ConfigError: it cannot be set up.
        """
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is not None:
            return client
        if "openai" not in sys.modules:
            await asyncio.to_thread(import_module, "openai")  # what else the loop does goes on meanwhile
            if (client := self._clients.get(loop)) is not None:
                return client
        client = self._clients[loop] = self._made()
        # A loop that ends closes the asynchronous generators that were begun on it, and so the client's connections.
        holder = self._open[loop] = _held(client)
        await anext(holder)
        return client

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        loop = asyncio.get_running_loop()
        self._clients.pop(loop, None)
        if (holder := self._open.pop(loop, None)) is not None:
            await holder.aclose()

    def _made(self) -> AsyncOpenAI:
        import httpx2
        from openai import AsyncOpenAI

        try:
            # No limits of its own: what runs at once is decided by who asks, and a request's time by `timeout_s`.
            http = httpx2.AsyncClient(
                timeout=None, limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None)
            )
        except (ImportError, ValueError, OSError) as error:
            raise ConfigError(
                f"the client cannot be set up: {error}",
                hint="check HTTPS_PROXY, HTTP_PROXY and SSL_CERT_FILE",
            ) from error
        return AsyncOpenAI(
            api_key="none",
            base_url=self._endpoint.url,
            max_retries=0,
            timeout=None,
            http_client=http,
        )


async def _held(client: AsyncOpenAI) -> AsyncGenerator[AsyncOpenAI]:
    try:
        yield client
    finally:
        await client.close()
