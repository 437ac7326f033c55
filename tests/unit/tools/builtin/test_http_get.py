"""HTTP GET: listed public hosts are read, and there is no way to others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agentfast.errors import ConfigError, ToolDefinitionError, ToolError
from agentfast.tools.builtin import http_get
from agentfast.tools.builtin.addresses import is_public

PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


def redirect(target: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()


class Server:
    """A server on this machine that answers with given bytes by path, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {"/": PAGE}
        self.heads: list[str] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        answer = self.answers.get(head.split()[1], b"")
        writer.write(answer)
        if answer.endswith(b"..."):  # and never ends
            await reader.read()
        writer.close()


@asynccontextmanager
async def serving() -> AsyncGenerator[Server]:
    server = Server()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server


def tool_for(server: Server, *more: str, **limits: Any) -> Any:
    """The tool with a host "site.test" that is this machine, which tests alone may reach."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    return http_get([f"site.test:{server.port}", *more], private=True, resolver=resolve, **limits)


async def test_a_page_is_read_by_its_hosts_name() -> None:
    async with serving() as server:
        assert await tool_for(server)(f"http://site.test:{server.port}/") == "hello"
        assert f"host: site.test:{server.port}" in server.heads[0].lower()
        assert "cookie" not in server.heads[0].lower()


async def test_redirects_are_followed_to_listed_hosts_alone() -> None:
    async with serving() as server:
        base = f"http://site.test:{server.port}"
        server.answers["/moved"] = redirect("/")
        assert await tool_for(server)(base + "/moved") == "hello"
        for target in (
            "http://other.test/",
            "http://127.0.0.1/",
            "file:///etc/passwd",
            "http://169.254.169.254/latest",
            "//evil.test/",
            f"http://site.test:{server.port + 1}/",
        ):
            server.answers["/away"] = redirect(target)
            with pytest.raises(ToolError, match=r"not a listed host|no address with http"):
                await tool_for(server)(base + "/away")
        server.answers["/loop"] = redirect("/loop")
        with pytest.raises(ToolError, match="more than 5 times"):
            await tool_for(server)(base + "/loop")


async def test_bodies_are_limited() -> None:
    async with serving() as server:
        base = f"http://site.test:{server.port}"
        server.answers |= {
            "/huge": b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000,
            "/slow": b"HTTP/1.1 200 OK\r\n\r\nbegins...",
            "/silent": b"HTTP/1.1 200 OK\r\n...",
            "/zip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
            "/image": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x89P\0G",
            "/latin": b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=latin-1\r\nContent-Length: 4\r\n\r\ncaf\xe9",
            "/gone": b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope",
            "/broken": b"no HTTP at all\r\n\r\n",
        }
        tool = tool_for(server, max_bytes=1000, time_limit_s=0.3)
        assert await tool(base + "/latin") == "café"
        for path, complaint in {
            "/huge": "more than 1000 bytes",
            "/slow": r"within 0\.3 s",
            "/silent": r"within 0\.3 s",
            "/zip": "compressed",
            "/image": "not text",
            "/gone": "answers 404: nope",
            "/broken": "illegal|protocol|status",
        }.items():
            with pytest.raises(ToolError, match=complaint):
                await tool(base + path)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://metadata.google.internal/",
        "http://example.com.evil.test/",
        "http://evil.test/example.com",
        "http://example.com@evil.test/",
        "http://user:pass@example.com/",
        "http://notexample.com/",
        "http://sub.example.com/",
        "http://example.com:22/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "example.com",
        "http://",
        "",
        "http://exa mple.com/",
        "http://example.com:99999999/",
        "http://example.com\\@evil.test/",
    ],
)
async def test_other_addresses_are_refused(url: str) -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        raise AssertionError(f"{host} is looked up")

    with pytest.raises(ToolError):
        await http_get(["example.com"], resolver=never)(url)


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["8.8.8.8", "192.168.1.1"],
        ["::1"],
        ["fd00::1"],
        ["fe80::1%eth0"],
        ["::ffff:10.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["255.255.255.255"],
        [],
    ],
)
async def test_a_listed_name_that_leads_to_a_private_address_is_refused(addresses: list[str]) -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    with pytest.raises(ToolError, match=r"not a public address|has no address"):
        await http_get(["example.com"], resolver=resolve)("http://example.com/")


async def test_a_name_is_looked_up_once_for_each_request() -> None:
    """So an address that changes after the check is never connected to."""
    async with serving() as server:
        asked: list[str] = []

        async def rebinding(host: str, port: int) -> Sequence[str]:
            asked.append(host)
            return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

        tool = http_get([f"site.test:{server.port}"], private=True, resolver=rebinding)
        assert await tool(f"http://site.test:{server.port}/") == "hello"
        assert asked == ["site.test"]


def test_public_addresses_are_told_from_others() -> None:
    assert all(map(is_public, ["8.8.8.8", "1.1.1.1", "2606:4700::1111"]))
    assert not any(map(is_public, ["127.0.0.1", "::", "2001::1", "64:ff9b:1::1", "no address", "ff02::1"]))


async def test_subdomains_are_listed_by_a_star() -> None:
    async with serving() as server:
        tool = tool_for(server, f"*.wide.test:{server.port}")
        assert await tool(f"http://a.b.wide.test:{server.port}/") == "hello"
        with pytest.raises(ToolError, match="not a listed host"):
            await tool(f"http://wide.test:{server.port}/")


@pytest.mark.parametrize(
    "allow", [[], "example.com", ["http://example.com"], ["*"], ["a*.com"], ["user@a.com"], [""]]
)
def test_lists_that_are_none_are_refused_at_once(allow: Any) -> None:
    with pytest.raises(ToolDefinitionError):
        http_get(allow)


def test_limits_are_positive() -> None:
    with pytest.raises(ConfigError, match="max_bytes"):
        http_get(["example.com"], max_bytes=0)
