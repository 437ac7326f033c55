"""HTTP GET of listed hosts, without a way into private networks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.builtin.addresses import is_public
from agentfast.tools.checks import check_integer, check_number
from agentfast.tools.definition import FunctionTool, tool

if TYPE_CHECKING:
    import httpx

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a host and port."""

_REDIRECTS: Final = 5
_PORTS: Final = {"http": 80, "https": 443}


def http_get(
    allow: Sequence[str],
    *,
    max_bytes: int = 1 << 19,
    time_limit_s: float = 20.0,
    private: bool = False,
    resolver: Resolver | None = None,
) -> FunctionTool[..., Any]:
    """Make a tool that reads web pages of some hosts.

    A host's addresses are looked up once for each request, all of them must be public, and the connection goes to one of
    these, so a name that changes its address meanwhile gains nothing. Redirects are followed to listed hosts only, checked
    in the same way. No proxy, cookie or credential of this machine is used.

    Args:
        allow: hosts, such as "example.com"; "*.example.com" is its subdomains; "example.com:8080" another port than 80
            and 443.
        max_bytes: of a body.
        time_limit_s: for the whole request, redirects included.
        private: reach private addresses, too, for servers of one's own that are listed by name.
        resolver: looks up addresses; None asks the system.

    Raises:
        ToolDefinitionError: nothing is listed, an entry is no host, or httpx is not installed.
        ConfigError: a limit is not a positive number.
    """
    check_integer("max_bytes", max_bytes, least=1)
    check_number("time_limit_s", time_limit_s, above=0)
    if isinstance(allow, str) or not allow:
        raise ToolDefinitionError('http_get takes a list of hosts, such as http_get(["example.com"])')
    for entry in allow:
        if not entry or any(sign in entry for sign in "/@ \\") or "*" in entry.removeprefix("*."):
            raise ToolDefinitionError(
                f"http_get: {entry!r} is not a host", hint='write "example.com" or "*.example.com"'
            )
    try:
        import httpx  # noqa: F401
    except ImportError as error:
        raise ToolDefinitionError("http_get needs httpx", hint="pip install 'agentfast[openai]'") from error
    hosts = tuple(entry.lower().rstrip(".") for entry in allow)
    getter = _Getter(hosts, max_bytes, time_limit_s, private, resolver or _resolve)

    async def http_get(url: str) -> str:
        """Read a web page or file by HTTP GET.

        Args:
            url: The address, with http:// or https://.
        """
        return await getter.get(url)

    return tool(http_get, timeout=time_limit_s + 1)


@dataclass(frozen=True)
class _Getter:
    allow: tuple[str, ...]
    max_bytes: int
    time_limit_s: float
    private: bool
    resolve: Resolver

    async def get(self, url: str) -> str:
        import httpx

        try:
            async with asyncio.timeout(self.time_limit_s):
                target = self._parsed(url)
                # Neither proxies nor netrc; limits of httpx's own would only cut in earlier.
                async with httpx.AsyncClient(trust_env=False, timeout=None, follow_redirects=False) as client:
                    for _ in range(_REDIRECTS + 1):
                        moved, text = await self._request(client, target)
                        if moved is None:
                            return text
                        target = self._parsed(str(target.join(moved)))
            raise ToolError(f"{url} is redirected more than {_REDIRECTS} times")
        except TimeoutError as error:
            raise ToolError(f"{url} does not answer within {self.time_limit_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise ToolError(f"{url}: {str(error) or type(error).__name__}") from error

    def _parsed(self, url: str) -> httpx.URL:
        import httpx

        found = httpx.URL(url)
        if found.scheme not in _PORTS:
            raise ToolError(f"{url!r} is no address with http:// or https://")
        if found.userinfo:
            raise ToolError(f"{url!r} has a name and password, which are not sent")
        host, port = found.host.lower().rstrip("."), found.port or _PORTS[found.scheme]
        if not any(_fits(entry, host, port) for entry in self.allow):
            raise ToolError(f"{host}:{port} is not a listed host", hint="listed are " + ", ".join(self.allow))
        return found

    async def _request(self, client: httpx.AsyncClient, url: httpx.URL) -> tuple[str | None, str]:
        """Target of a redirect, or None and the text of the response."""
        address = await self._address(url)
        port = f":{url.port}" if url.port is not None else ""
        request = client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.host + port, "Accept-Encoding": "identity", "User-Agent": "agentfast"},
            extensions={"sni_hostname": url.host},
        )
        response = await client.send(request, stream=True)
        try:
            if response.is_redirect:
                return response.headers["location"], ""
            if response.headers.get("content-encoding", "identity") != "identity":
                raise ToolError(f"{url} answers compressed, which was not asked for")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self.max_bytes:
                    raise ToolError(f"{url} has more than {self.max_bytes} bytes")
            text = _text(bytes(body), response.charset_encoding, url)
        finally:
            await response.aclose()
        if response.is_error:
            raise ToolError(f"{url} answers {response.status_code}: {text[:500]}")
        return None, text

    async def _address(self, url: httpx.URL) -> str:
        found = await self.resolve(url.host, url.port or _PORTS[url.scheme])
        if not found:
            raise ToolError(f"{url.host} has no address")
        if not self.private:
            for address in found:
                if not is_public(address):
                    raise ToolError(f"{url.host} leads to {address}, which is not a public address")
        return found[0]


def _fits(entry: str, host: str, port: int) -> bool:
    name, colon, number = entry.rpartition(":")
    if colon and number.isdigit() and not name.endswith(":"):
        if port != int(number):
            return False
        entry = name
    elif port not in _PORTS.values():
        return False
    return (
        host.endswith(entry[1:]) and host != entry[2:]
        if entry.startswith("*.")
        else host == entry.strip("[]")
    )


def _text(body: bytes, charset: str | None, url: httpx.URL) -> str:
    try:
        if b"\0" not in body:
            return body.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError):
        pass
    raise ToolError(f"{url} is not text")


async def _resolve(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]
