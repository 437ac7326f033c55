"""The address of an endpoint and the headers that go there, kept out of messages where secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

from agentfast.errors import ConfigError

OPENAI = "https://api.openai.com/v1"
PATHS: Final[Mapping[str, str]] = {"chat": "/chat/completions", "responses": "/responses"}
"""Path of each API below the base URL."""

_SHORTEST_SECRET = 8  # shorter ones ("EMPTY", "ollama") are no secrets, and may be words of a message


class Endpoint:
    """A checked address with its headers.

    Attributes:
        url: requests go there.
        path: the part of it that is added to the base URL.
        shown: the same for messages, without user, password and query.
        headers: sent with each request.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        extra_headers: Mapping[str, str],
        path: str = PATHS["chat"],
        *,
        secrets: Sequence[str] = (),
    ) -> None:
        """Check the address and the headers. `secrets` are kept out of messages beside those that these hold.

        Raises:
            ConfigError: the address or a header cannot be sent.
        """
        if not isinstance(api_key, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"api_key is of type {type(api_key).__name__}; it is a string")
        parts = _split(base_url)
        self.path = path
        path = parts.path.rstrip("/") + path
        host = parts.netloc.rpartition("@")[2]
        self.url = parts._replace(path=path).geturl()
        self.shown = f"{parts.scheme}://{host}{path}"
        key = api_key.strip()
        self.headers = {"Content-Type": "application/json"}
        if key:
            self.headers["Authorization"] = f"Bearer {key}"
        _check("Authorization", key, given_as="api_key")
        for name, value in extra_headers.items():
            _check(name, value)
            kept = {known: own for known, own in self.headers.items() if known.lower() != name.lower()}
            self.headers = kept | {name: value}
        words = [word for value in extra_headers.values() for word in value.split()]
        found = {key, *words, *secrets, parts.password or "", parts.query}
        self._secrets = [secret for secret in found if len(secret) >= _SHORTEST_SECRET]

    @property
    def is_authorized(self) -> bool:
        """True if one of the headers is Authorization."""
        return any(name.lower() == "authorization" for name in self.headers)

    def redacted(self, message: str) -> str:
        """The message without keys and other secrets, which some servers repeat."""
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return message


def _split(base_url: str) -> SplitResult:
    if not isinstance(base_url, str) or not base_url.startswith(("http://", "https://")):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(
            f"base_url is {base_url!r}; it begins with http:// or https://",
            hint="e.g. http://localhost:8000/v1",
        )
    try:
        parts = urlsplit(base_url.strip())
        _ = parts.port
    except ValueError as error:
        raise ConfigError(f"base_url is not a URL: {error}", hint="e.g. http://localhost:8000/v1") from error
    if not parts.hostname or any(character.isspace() for character in base_url.strip()):
        raise ConfigError("base_url names no host", hint="e.g. http://localhost:8000/v1")
    for added in PATHS.values():
        if parts.path.rstrip("/").endswith(added):
            raise ConfigError(f"base_url ends with {added}, which is added to it", hint="leave it out")
    return parts


def _check(name: str, value: str, *, given_as: str = "") -> None:
    """Refuse a header that cannot be sent. Its value may be secret, so the error does not show it."""
    what = given_as or f"extra_headers[{name!r}]"
    if not isinstance(name, str) or not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"{what} is a {type(value).__name__}; names and values of headers are strings")
    if not (name.isascii() and name.isprintable() and value.isascii() and value.isprintable()):
        raise ConfigError(f"{what} has a character that a header cannot hold: a line break, or beyond ASCII")
