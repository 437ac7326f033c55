"""JSON to a server that may be busy, by the `openai` package: retries within the deadline, streams, typed errors."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agentfast.errors import ModelUnavailableError
from agentfast.models.openai.http.body import is_event_stream, read_body, read_event
from agentfast.models.openai.http.complaints import BusyError
from agentfast.models.openai.http.connections import Connections, check_installed
from agentfast.models.openai.http.endpoint import Endpoint
from agentfast.models.openai.http.retries import backoff
from agentfast.models.openai.http.sse import DONE, EventParser
from agentfast.models.openai.http.transport import reaching
from agentfast.models.openai.json_text import dump_json
from agentfast.runtime.core.log import get_logger
from agentfast.tools.checks import check_integer, check_number

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI
    from openai._types import RequestOptions

_R = TypeVar("_R")
_DRAIN_S = 1.0
_log = get_logger("models.openai")


class JsonClient:
    """Posts JSON to one endpoint and gets JSON."""

    def __init__(
        self,
        endpoint: Endpoint,
        client: AsyncOpenAI | None = None,
        *,
        assemble: Callable[[Sequence[Any]], Any],
        timeout_s: float,
        max_retries: int,
        backoff_s: float,
    ) -> None:
        """Nothing is sent yet, and the package is not imported. `client` is the user's own.

        `assemble` makes one answer of the events that a server sends unasked.

        Raises:
            ConfigError: a setting does not fit, or the package `openai` is not installed.
        """
        check_installed()
        check_number("timeout_s", timeout_s, above=0)
        check_integer("max_retries", max_retries, least=0)
        check_number("backoff_s", backoff_s, least=0)
        self._endpoint = endpoint
        self._connections = Connections(endpoint, client)
        self._assemble = assemble
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._backoff_s = backoff_s
        self._is_given = client is not None

    async def post(self, body: Mapping[str, Any], ends_at: float | None = None) -> Any:
        """The JSON value that the server answers.

        Args:
            body: of the request.
            ends_at: by time.monotonic; no request is sent again after it, nor waited for until then.

        Raises:
            ConfigError: JSON cannot hold the body.
            ModelUnavailableError: the server was busy, failing or not to be reached, at every try, or asks to wait for
                longer than there is time.
            ModelError: it refused the request, or the answer is not JSON.
        """
        content = dump_json(body, "the request")

        async def once() -> Any:
            with reaching(self._timeout_s):
                async with asyncio.timeout(self._timeout_s):
                    # The package's own timeouts are for single reads, which a server that trickles can prolong for ever.
                    response = await self._send(content, streams=False)
            return read_body(response, self._assemble)

        return await self._with_retries(once, ends_at)

    async def stream(self, body: Mapping[str, Any], ends_at: float | None = None) -> AsyncGenerator[Any]:
        """The JSON values of the server's events as they come, DONE included, or its one answer if it sends no events.

        A request is sent again only while nothing of its answer has come. The timeout is for the whole answer.

        Raises:
            ModelUnavailableError: as `post`, or the stream breaks off.
            ModelError: as `post`.
        """
        content = dump_json(body, "the request")
        response, deadline = await self._with_retries(lambda: self._open(content), ends_at)
        try:
            if not is_event_stream(response):
                yield read_body(response, self._assemble)
                return
            parser = EventParser()
            pieces = response.aiter_bytes()
            while True:
                with reaching(self._timeout_s, "the stream broke off: "):
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
        await self._connections.aclose()

    async def _send(self, content: str, *, streams: bool) -> httpx2.Response:
        """The answer to one request, as it is: many servers answer what the package's types do not have."""
        client = await self._connections.get()
        from httpx2 import Response
        from openai import AsyncStream, Omit

        headers: dict[str, str | Omit] = {**self._endpoint.headers}
        if not self._is_given and not self._endpoint.is_authorized:
            headers["Authorization"] = Omit()
        options: RequestOptions = {"max_retries": 0, "headers": headers}
        # A user's client decides where a request goes, by fields of its body too, so it gets these.
        response = await client.post(
            self._endpoint.path if self._is_given else self._endpoint.url,
            cast_to=Response,
            body=json.loads(content) if self._is_given else None,
            content=None if self._is_given else content.encode(),
            options=options,
            stream=streams,
            stream_cls=AsyncStream[Any],
        )
        return cast("httpx2.Response", response)

    async def _open(self, content: str) -> tuple[httpx2.Response, float]:
        """The answer to a request for a stream, read to its end if it is none, and the deadline of the stream."""
        deadline = asyncio.get_running_loop().time() + self._timeout_s
        with reaching(self._timeout_s):
            async with asyncio.timeout_at(deadline):
                response = await self._send(content, streams=True)
                if not is_event_stream(response):
                    await response.aread()
        return response, deadline

    async def _drain(self, pieces: AsyncIterator[bytes]) -> None:
        """Read what a stream holds behind its last event, so that its connection can be used again."""
        import httpx2

        with suppress(TimeoutError, httpx2.HTTPError):
            async with asyncio.timeout(_DRAIN_S):
                async for _ in pieces:
                    pass

    async def _with_retries(self, once: Callable[[], Awaitable[_R]], ends_at: float | None) -> _R:
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
                    wait_s = self._wait_s(failure, attempt, ends_at)
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

    def _wait_s(self, failure: BusyError, attempt: int, ends_at: float | None) -> float:
        """Seconds until the next try.

        Raises:
            ModelUnavailableError: there is none.
        """
        if failure.wait_s is not None and failure.wait_s > self._timeout_s:
            raise ModelUnavailableError(
                f"{failure.message}; the server asks to wait {failure.wait_s:g} s, longer than timeout_s={self._timeout_s:g}",
                hint="try again later, or raise timeout_s",
            ) from failure.__cause__
        left = None if ends_at is None else ends_at - time.monotonic()
        if left is not None and failure.wait_s is not None and failure.wait_s >= left:
            raise ModelUnavailableError(
                f"{failure.message}; the server asks to wait {failure.wait_s:g} s, but the run has {max(left, 0):.3g} s left",
                hint="try again later, or give the run more time",
            ) from failure.__cause__
        tries = "1 try" if attempt == 1 else f"{attempt} tries"
        if attempt > self._max_retries:
            raise ModelUnavailableError(
                f"no answer at {tries}; the last: {failure.message}", hint=failure.hint
            ) from failure.__cause__
        wait_s = backoff(attempt - 1, self._backoff_s) if failure.wait_s is None else failure.wait_s
        if left is not None and wait_s >= left:
            raise ModelUnavailableError(
                f"no answer at {tries}, and the run has no time for another; the last: {failure.message}",
                hint=failure.hint,
            ) from failure.__cause__
        return wait_s
