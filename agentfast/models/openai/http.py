"""JSON over HTTP to a server that may be busy: retries with backoff, timeouts, typed errors."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakKeyDictionary

from agentfast.errors import ConfigError, ModelError, ModelUnavailableError

if TYPE_CHECKING:
    import httpx

BUSY = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
LONGEST_WAIT_S = 60.0
SHOWN = 300  # characters of a server's complaint

HINTS = {
    401: "give api_key, or set OPENAI_API_KEY",
    403: "this key may not use the model",
    404: "check base_url, which ends with the version, and the model's name",
}


class JsonClient:
    """Posts JSON and gets JSON. Connections belong to an event loop, a client to none."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        timeout_s: float,
        max_retries: int,
        backoff_s: float,
    ) -> None:
        """Nothing is sent yet.

        Raises:
            ConfigError: a setting does not fit, or httpx is not installed.
        """
        try:
            import httpx
        except ImportError as error:
            raise ConfigError("httpx is not installed", hint="pip install 'agentfast[openai]'") from error
        if not base_url.startswith(("http://", "https://")):
            raise ConfigError(f"base_url is {base_url!r}; it begins with http:// or https://")
        if not timeout_s > 0:
            raise ConfigError(f"timeout_s is {timeout_s}; it must be above 0")
        if max_retries < 0 or backoff_s < 0:
            raise ConfigError("max_retries and backoff_s must be at least 0")
        self._httpx = httpx
        self._url = base_url.rstrip("/")
        self._headers = dict(headers)
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._backoff_s = backoff_s
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, httpx.AsyncClient] = WeakKeyDictionary()

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The JSON value that the server answers.

        Raises:
            ModelUnavailableError: it was busy, failing or not to be reached, at every try.
            ModelError: it refused the request, or the answer is not JSON.
        """
        reason = ""
        for attempt in range(self._max_retries + 1):
            wait: float | None = None
            try:
                # httpx's own timeouts are for single reads, which a server that trickles can prolong for ever.
                async with asyncio.timeout(self._timeout_s):
                    response = await self._client().post(self._url + path, json=body)
            except TimeoutError:
                reason = f"no answer within {self._timeout_s:g} s"
            except self._httpx.TransportError as error:
                reason = f"{type(error).__name__}: {error}".removesuffix(": ")
            else:
                if response.status_code not in BUSY:
                    return _content(response)
                reason, wait = _complaint(response), retry_after(response.headers.get("retry-after"))
            if attempt < self._max_retries:
                await asyncio.sleep(self._backoff(attempt) if wait is None else wait)
        tries = self._max_retries + 1
        raise ModelUnavailableError(f"{self._url} gave no answer at {tries} tries; the last: {reason}")

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> httpx.AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._clients.get(loop)
        if client is None:
            # No limit of its own: how many requests run at once is decided by who makes them.
            limits = self._httpx.Limits(max_connections=None, max_keepalive_connections=None)
            client = self._httpx.AsyncClient(headers=self._headers, timeout=self._timeout_s, limits=limits)
            self._clients[loop] = client
        return client

    def _backoff(self, attempt: int) -> float:
        """Exponential backoff with jitter, in seconds: clients that were refused together do not return together."""
        seconds = self._backoff_s * 2.0**attempt * (1 + random.random())
        return min(LONGEST_WAIT_S, seconds)


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header, which gives them or a date; None: it says nothing that can be read."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
    # A value that is not a number compares false, and is none.
    return min(LONGEST_WAIT_S, max(0.0, seconds)) if seconds == seconds else None


def _content(response: httpx.Response) -> Any:
    if not response.is_success:
        raise ModelError(_complaint(response), hint=HINTS.get(response.status_code))
    try:
        return response.json()
    except ValueError as error:
        raise ModelError(f"the server's answer is not JSON: {response.text[:SHOWN]!r}") from error


def _complaint(response: httpx.Response) -> str:
    """The status and the server's error message."""
    try:
        said = _member(_member(response.json(), "error"), "message")
        text = said if isinstance(said, str) else json.dumps(said)
    except ValueError:
        text = response.text
    text = " ".join(text.split())[:SHOWN]
    return f"status {response.status_code}: {text}" if text else f"status {response.status_code}"


def _member(value: Any, name: str) -> Any:
    """The member of that name if there is one, else the value itself."""
    return cast("dict[str, Any]", value).get(name, value) if isinstance(value, dict) else value
