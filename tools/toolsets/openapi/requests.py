"""HTTP requests of operations, to one server alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from agentfast.errors import ToolArgumentsError, ToolError
from agentfast.tools.toolsets.openapi.operations import Operation
from agentfast.tools.toolsets.openapi.parameters import text_of

if TYPE_CHECKING:
    import httpx

_REDIRECTS: Final = 5
_MOST_BYTES: Final = 1 << 23
"""Of a response that is read."""
_SHOWN_CHARS: Final = 500


@dataclass(frozen=True)
class Server:
    """The server that operations are sent to.

    Attributes:
        url: its address, without a slash at the end.
        headers: sent with every request.
        client: sends the requests; None: one of its own for each, without proxies and credentials of the machine.
    """

    url: str
    headers: Mapping[str, str]
    client: httpx.AsyncClient | None

    async def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Any:
        """What the server answers: JSON decoded, another text as it is, None where there is nothing.

        Raises:
            ToolError: it answers an error, leads to another server, or cannot be reached.
        """
        import httpx

        what = f"{operation.method} {operation.path}"
        try:
            async with self._client() as client:
                request = self._request(client, operation, arguments)
                for _ in range(_REDIRECTS + 1):
                    response = await client.send(request, stream=True, follow_redirects=False)
                    try:
                        if not response.has_redirect_location:
                            return await _answer(response, what)
                        request = _redirected(client, request, response, what)
                    finally:
                        await response.aclose()
            raise ToolError(f"{what} is redirected more than {_REDIRECTS} times")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolError(f"{what}: {str(error) or type(error).__name__}") from error

    def _client(self) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        import httpx

        if self.client is not None:
            return nullcontext(self.client)
        return httpx.AsyncClient(trust_env=False, timeout=None)  # the tool's own timeout ends it

    def _request(
        self, client: httpx.AsyncClient, operation: Operation, arguments: Mapping[str, Any]
    ) -> httpx.Request:
        path, headers = operation.path, dict[str, str]()
        query: list[tuple[str, str | int | float | bool | None]] = []
        cookies: list[str] = []
        for each in operation.parameters:
            if each.argument not in arguments:
                continue
            value = arguments[each.argument]
            if each.place == "path":
                path = path.replace(f"{{{each.name}}}", each.in_path(value))
            elif each.place == "query":
                query += each.in_query(value)
            elif each.place == "header":
                headers[each.name] = each.in_header(value)
            else:
                cookies.append(each.in_cookie(value))
        if any(part in (".", "..") for part in path.split("/")):
            raise ToolArgumentsError(f"invalid arguments: {path!r} leads to another folder")
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        headers |= self.headers
        content, data = None, None
        if operation.body is not None and operation.body.argument in arguments:
            value = arguments[operation.body.argument]
            if operation.body.is_form and isinstance(value, dict):
                data = {str(key): text_of(inner) for key, inner in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            else:
                content = json.dumps(value, ensure_ascii=False).encode()
                headers.setdefault("Content-Type", operation.body.media_type)
        return client.build_request(
            operation.method,
            self.url + path,
            params=query or None,
            headers=headers,
            content=content,
            data=data,  # pyright: ignore[reportUnknownArgumentType]
        )


def _redirected(
    client: httpx.AsyncClient, request: httpx.Request, response: httpx.Response, what: str
) -> httpx.Request:
    """The request to the place that a response leads to, if it is one of the same server.

    Raises:
        ToolError: it is not, or the operation is no GET, which alone may be repeated elsewhere.
    """
    target = request.url.join(response.headers["location"])
    if _origin(target) != _origin(request.url):
        raise ToolError(f"{what} is redirected to another server, {target.host!r}, which is not asked")
    if request.method != "GET":
        raise ToolError(f"{what} is redirected to {target.path!r}, which only a GET follows")
    return client.build_request("GET", target, headers=request.headers)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _answer(response: httpx.Response, what: str) -> Any:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise ToolError(f"{what} answers more than {_MOST_BYTES} bytes")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    text = _text(bytes(body), response.charset_encoding)
    if not response.is_success:
        said = "" if text is None else f": {text[:_SHOWN_CHARS]}"
        raise ToolError(f"{what} answers {response.status_code} {response.reason_phrase}{said}")
    if not body:
        return None
    if text is None:
        raise ToolError(f"{what} answers {len(body)} bytes of {kind or 'an unknown type'}, which is no text")
    if kind.endswith(("/json", "+json")) or not kind:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _text(body: bytes, charset: str | None) -> str | None:
    """The body as a text; None if it is none."""
    try:
        return None if b"\0" in body else body.decode(charset or "utf-8")
    except (UnicodeDecodeError, LookupError):
        return None
