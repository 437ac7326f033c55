"""JSON over HTTP to a server that may be busy: retries with backoff, timeouts, streams, typed errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from agentfast.errors import ConfigError, ModelUnavailableError
from agentfast.models.openai.body import is_event_stream, read_body, read_event, read_text
from agentfast.models.openai.complaints import BusyError, check_status
from agentfast.models.openai.endpoint import Endpoint
from agentfast.models.openai.json_text import dump_json
from agentfast.models.openai.retries import backoff
from agentfast.models.openai.sse import DONE, EventParser
from agentfast.models.openai.transport import transport_error
from agentfast.runtime.core.log import get_logger

if TYPE_CHECKING:
    import httpx

_R = TypeVar("_R")
_DRAIN_S = 1.0
_log = get_logger("models.openai")


class JsonClient:
    """Posts JSON to one endpoint and gets JSON. Connections belong to an event loop, a client to none."""

    def __init__(self, endpoint: Endpoint, *, timeout_s: float, max_retries: int, backoff_s: float) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigError: a setting does not fit, or httpx is not installed.
        """
        try:
            import httpx
        except ImportError as error:
            raise ConfigError("httpx is not installed", hint="pip install 'agentfast[openai]'") from error
        if not _is_number(timeout_s) or not timeout_s > 0:
            raise ConfigError(f"timeout_s is {timeout_s!r}; it must be a number of seconds above 0")
        if not isinstance(max_retries, int) or max_retries < 0:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"max_retries is {max_retries!r}; it must be a whole number of at least 0")
        if not _is_number(backoff_s) or not backoff_s >= 0:
            raise ConfigError(f"backoff_s is {backoff_s!r}; it must be a number of seconds of at least 0")
        self._httpx = httpx
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._backoff_s = backoff_s
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    async def post(self, body: Mapping[str, Any]) -> Any:
        """The JSON value that the server answers.

        Raises:
            ConfigError: JSON cannot hold the body.
            ModelUnavailableError: the server was busy, failing or not to be reached, at every try, or asks to wait for
                longer than the timeout.
            ModelError: it refused the request, or the answer is not JSON.
        """
        content = dump_json(body, "the request").encode()

        async def once() -> Any:
            client = self._client()
            with self._reaching():
                async with asyncio.timeout(self._timeout_s):
                    # httpx's own timeouts are for single reads, which a server that trickles can prolong for ever.
                    response = await client.post(self._endpoint.url, content=content)
            return read_body(response)

        return await self._with_retries(once)

    async def stream(self, body: Mapping[str, Any]) -> AsyncGenerator[Any]:
        """The JSON values of the server's events as they come, DONE included, or its one answer if it sends no events.

        A request is sent again only while nothing of its answer has come. The timeout is for the whole answer.

        Raises:
            ModelUnavailableError: as `post`, or the stream breaks off.
            ModelError: as `post`.
        """
        content = dump_json(body, "the request").encode()
        response, deadline = await self._with_retries(lambda: self._open(content))
        try:
            if not is_event_stream(response):
                yield read_body(response)
                return
            parser = EventParser()
            pieces = response.aiter_bytes()
            while True:
                with self._reaching("the stream broke off: "):
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces, None)
                for data in parser.end() if piece is None else parser.feed(piece):
                    yield read_event(data)
                    if data == DONE:
                        await self._drain(pieces)
                        return
                if piece is None:
                    return
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    async def _open(self, content: bytes) -> tuple[httpx.Response, float]:
        """The answer to a request for a stream, read to its end if it is none, and the deadline of the stream."""
        client = self._client()
        request = client.build_request("POST", self._endpoint.url, content=content)
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        with self._reaching():
            async with asyncio.timeout_at(deadline):
                response = await client.send(request, stream=True)
                if response.is_success and is_event_stream(response):
                    return response, deadline
                await response.aread()
        check_status(response.status_code, response.headers, read_text(response))
        return response, deadline

    async def _drain(self, pieces: AsyncIterator[bytes]) -> None:
        """Read what a stream holds behind its last event, so that its connection can be used again."""
        with suppress(TimeoutError, self._httpx.HTTPError):
            async with asyncio.timeout(_DRAIN_S):
                async for _ in pieces:
                    pass

    async def _with_retries(self, once: Callable[[], Awaitable[_R]]) -> _R:
        """Try until there is an answer. A cancellation between tries has the last failure as its cause."""
        attempt = 0
        last: BusyError | None = None
        try:
            while True:
                try:
                    return await once()
                except BusyError as failure:
                    last = failure
                    attempt += 1
                    wait_s = self._wait_s(failure, attempt)
                self._log_retry(last, attempt, wait_s)
                await asyncio.sleep(wait_s)
        except asyncio.CancelledError as cancelled:
            if last is not None:
                cancelled.__cause__ = last
            raise

    def _log_retry(self, failure: BusyError, attempt: int, wait_s: float) -> None:
        _log.warning(
            "the request is sent again",
            url=self._endpoint.shown,
            reason=self._endpoint.redacted(failure.message),
            attempt=attempt,
            wait_s=round(wait_s, 3),
        )

    def _wait_s(self, failure: BusyError, attempt: int) -> float:
        """Seconds until the next try.

        Raises:
            ModelUnavailableError: there is none.
        """
        if failure.wait_s is not None and failure.wait_s > self._timeout_s:
            raise ModelUnavailableError(
                f"{failure.message}; the server asks to wait {failure.wait_s:g} s, longer than timeout_s={self._timeout_s:g}",
                hint="try again later, or raise timeout_s",
            ) from failure.__cause__
        if attempt > self._max_retries:
            tries = "1 try" if attempt == 1 else f"{attempt} tries"
            raise ModelUnavailableError(
                f"no answer at {tries}; the last: {failure.message}", hint=failure.hint
            ) from failure.__cause__
        return backoff(attempt - 1, self._backoff_s) if failure.wait_s is None else failure.wait_s

    @contextmanager
    def _reaching(self, prefix: str = "") -> Generator[None]:
        """Turn timeouts and failures of the connection into typed errors."""
        try:
            yield
        except (TimeoutError, self._httpx.TimeoutException) as error:
            late = f"{prefix}no answer within {self._timeout_s:g} s"
            raise BusyError(late, hint="raise timeout_s") from error
        except (self._httpx.HTTPError, self._httpx.StreamError) as error:
            raise transport_error(error, prefix) from error

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # No limit of its own: how many requests run at once is decided by who makes them.
            limits = self._httpx.Limits(max_connections=None, max_keepalive_connections=None)
            try:
                client = self._httpx.AsyncClient(
                    headers=self._endpoint.headers, timeout=self._timeout_s, limits=limits
                )
            except (ImportError, ValueError, OSError) as error:
                raise ConfigError(
                    f"httpx cannot be set up: {error}", hint="check HTTPS_PROXY, HTTP_PROXY and SSL_CERT_FILE"
                ) from error
            self._clients[loop] = client
        return client


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
