"""Ways to reach an MCP server: a process that it runs in, or an address."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

_LOG = logging.getLogger("agentfast.tools.mcp")
_KEPT_LINES: Final = 3
_MAX_SHOWN_CHARS: Final = 300

NOT_SENT: Final = -32090
"""Code of an error: the request did not reach the server."""
LOST: Final = -32091
"""Code of an error: the connection broke; the server may have had the request."""
SESSION_GONE: Final = -32092
"""Code of an error: the server does not know the session any more, and did nothing."""
REFUSED: Final = -32093
"""Code of an error: the server answered with an error status of HTTP."""


class Transport(Protocol):
    """A way to reach a server."""

    @property
    def where(self) -> str:
        """The command or the address, for messages."""
        ...

    def open(self, lost: Callable[[], None]) -> AbstractAsyncContextManager[Any]:
        """Connect. `lost` is called once nothing can come from the server any more."""
        ...

    def last_words(self) -> str:
        """The last lines that the server wrote to its standard error; "" if there are none."""
        ...


@dataclass(frozen=True)
class Stdio:
    """A process of one's own, asked over its standard input and output. Its standard error goes to the log, line by line."""

    command: str
    args: Sequence[str]
    env: Mapping[str, str]
    cwd: str | Path | None
    name: str
    _lines: deque[str] = field(default_factory=lambda: deque(maxlen=_KEPT_LINES), repr=False)

    @property
    def where(self) -> str:
        """The command."""
        return " ".join([self.command, *self.args])

    def last_words(self) -> str:
        """The last lines of standard error."""
        return " | ".join(line.strip() for line in self._lines)

    @asynccontextmanager
    async def open(self, lost: Callable[[], None]) -> AsyncGenerator[tuple[Any, Any]]:
        """Start the process; it ends with the context."""
        from mcp import StdioServerParameters, stdio_client

        self._lines.clear()
        parameters = StdioServerParameters(
            command=self.command, args=list(self.args), env=dict(self.env), cwd=self.cwd
        )
        reading, writing = os.pipe()
        ended = threading.Thread(
            target=self._read_errors, args=(reading,), name="agentfast-mcp-stderr", daemon=True
        )
        ended.start()
        with os.fdopen(writing, "w") as errors:
            async with stdio_client(parameters, errlog=errors) as (incoming, outgoing):
                errors.close()  # the process alone holds it, so that its end is the stream's
                yield _Watched(incoming, lost), outgoing

    def _read_errors(self, pipe: int) -> None:
        with os.fdopen(pipe, encoding="utf-8", errors="replace") as lines, suppress(OSError, ValueError):
            for line in lines:
                self._lines.append(line.rstrip()[:_MAX_SHOWN_CHARS])
                _LOG.info("%s: %s", self.name, line.rstrip())


class _Watched:
    """A stream of messages that tells when it is at its end."""

    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    async def receive(self) -> Any:
        import anyio

        try:
            return await self._stream.receive()
        except (anyio.EndOfStream, anyio.ClosedResourceError, anyio.BrokenResourceError):
            self._ended()
            raise

    def __aiter__(self) -> _Watched:
        return self

    async def __anext__(self) -> Any:
        import anyio

        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def __aenter__(self) -> _Watched:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@dataclass(frozen=True)
class Http:
    """An address, asked by streamable HTTP. Each request stands alone: one that fails does not end the others."""

    url: str
    headers: Mapping[str, str] = field(repr=False)

    @property
    def where(self) -> str:
        """The address."""
        return self.url

    def last_words(self) -> str:
        """Nothing: the server is elsewhere."""
        return ""

    @asynccontextmanager
    async def open(self, lost: Callable[[], None]) -> AsyncGenerator[tuple[Any, Any]]:
        """Make a client; nothing is sent yet."""
        from mcp.client.streamable_http import streamable_http_client

        async with (
            _http_client(self.headers) as client,
            streamable_http_client(self.url, http_client=client) as streams,
        ):
            yield streams


def _http_client(headers: Mapping[str, str]) -> Any:
    """A client whose failures are answers.

    The package ends a whole connection where a request cannot be sent, and says nothing of the reason.
    """
    import httpx2

    class Client(httpx2.AsyncClient):
        async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
            try:
                response = await super().send(request, **options)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
                return _failure(request, NOT_SENT, f"cannot connect: {error or type(error).__name__}")
            except httpx2.TransportError as error:
                return _failure(request, LOST, f"the connection broke: {error or type(error).__name__}")
            if response.status_code == 404 and "mcp-session-id" in request.headers:
                await response.aclose()
                return _failure(request, SESSION_GONE, "the session has ended", 404)
            is_json = response.headers.get("content-type", "").startswith("application/json")
            if response.status_code < 400 or response.status_code == 405 or is_json:
                return response
            text = (await response.aread()).decode("utf-8", "replace")
            status = f"HTTP status {response.status_code} {response.reason_phrase}"
            said = " ".join(text.split())[:_MAX_SHOWN_CHARS]
            return _failure(request, REFUSED, f"{status}: {said}".removesuffix(": "), response.status_code)

    def _failure(request: httpx2.Request, code: int, message: str, status: int = 503) -> httpx2.Response:
        body = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
        return httpx2.Response(status, json=body, request=request)

    return Client(headers=dict(headers), timeout=httpx2.Timeout(30.0, read=300.0))
