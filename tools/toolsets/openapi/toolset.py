"""A toolset of an OpenAPI document: a tool for each operation."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import urlsplit

from agentfast.errors import ConfigError, ToolDefinitionError
from agentfast.tools.checks import check_text, closest, listed, shown
from agentfast.tools.declaration.names import allowed_names
from agentfast.tools.declaration.options import ToolOptions
from agentfast.tools.definition import Tool
from agentfast.tools.toolsets.combining import BaseToolset
from agentfast.tools.toolsets.openapi.document import Document
from agentfast.tools.toolsets.openapi.operations import (
    Operation,
    UnsupportedOperationError,
    operation_names,
    read_operation,
)
from agentfast.tools.toolsets.openapi.requests import Server

if TYPE_CHECKING:
    import httpx

_LOG = logging.getLogger("agentfast.tools")


class OpenAPIToolset(BaseToolset):
    """Tools for the operations of an OpenAPI document.

    Attributes:
        skipped: reasons by the names of the operations that no tool could be made of.
    """

    def __init__(self, tools: Sequence[Tool[Any]], skipped: Mapping[str, str]) -> None:
        self._tools = tuple(tools)
        self.skipped = dict(skipped)

    def tools(self) -> Sequence[Tool[Any]]:
        """The tools, in the document's order."""
        return self._tools


def from_openapi(
    document: Mapping[str, Any] | str | Path,
    *,
    base_url: str | None = None,
    include: Collection[str] | None = None,
    headers: Mapping[str, str] | None = None,
    client: httpx.AsyncClient | None = None,
    **options: Unpack[ToolOptions],
) -> OpenAPIToolset:
    """Make a tool of each operation of an OpenAPI 3.0 or 3.1 document.

    Parameters and the JSON body, as `body`, are the members of one object. Requests go to one server alone; redirects are
    followed there for GET only. What it answers with an error status becomes an error result. GET is taken for `pure`, GET,
    PUT and DELETE for `idempotent`, as HTTP defines them.

    Args:
        document: a dict, a JSON or YAML text, or the path of a file.
        base_url: the server's address; None takes the first of the document's servers.
        include: the operations to make tools of, by operationId, or as "GET /pets/{id}" for those without; None: all.
        headers: sent with every request, such as an Authorization. A model neither sees nor changes them.
        client: sends the requests; None makes one for each, which reads no proxies and credentials of the machine.
        options: of all the tools, as for `tool`.

    Raises:
        ToolDefinitionError: the document is wrong or refers to another, an operation that `include` names is not there or
            not supported, there is no address of a server, or httpx is not installed.
        ConfigError: an argument is something else than it takes.
    """
    try:
        import httpx  # noqa: F401
    except ImportError as error:
        raise ToolDefinitionError(
            "from_openapi needs httpx", hint="pip install 'agentfast[openai]'"
        ) from error
    if isinstance(include, str):
        raise ConfigError(f"include is {shown(include)}; it takes a list of names of operations")
    for name, value in (headers or {}).items():
        check_text("a name of headers", name)
        check_text(f"headers[{name!r}]", value)
    read = Document(document)
    server = Server(_server_url(read, base_url), dict(headers or {}), client)
    there = operation_names(read)
    for name in include or ():
        if name not in there:
            raise ToolDefinitionError(
                f"include: the document has no operation {name!r}",
                hint=closest(name, there) or f"there are: {listed(there)}",
            )
    names = allowed_names(there)
    hidden = {name.lower() for name in server.headers}
    tools: list[Tool[Any]] = []
    skipped: dict[str, str] = {}
    for name, (path, method) in there.items():
        if include is not None and name not in include:
            continue
        try:
            operation = read_operation(read, name, path, method, hidden=hidden)
        except UnsupportedOperationError as error:
            if include is not None:
                raise
            skipped[name] = error.message
            _LOG.warning("no tool is made of an operation: %s", error.message)
            continue
        tools.append(_tool(operation, names[name], server, options))
    return OpenAPIToolset(tools, skipped)


def _tool(operation: Operation, name: str, server: Server, options: ToolOptions) -> Tool[Any]:
    async def call(**arguments: Any) -> Any:
        return await server.call(operation, arguments)

    written: ToolOptions = {
        "pure": operation.method == "GET",
        "idempotent": operation.method in ("GET", "PUT", "DELETE"),
    }
    written.update(options)
    made = Tool.from_schema(name, operation.schema, call, description=operation.description, **written)
    return made if name == operation.name else dataclasses.replace(made, original_name=operation.name)


def _server_url(document: Document, base_url: object) -> str:
    """The address of the server, without a slash at its end.

    Raises:
        ToolDefinitionError: there is none.
        ConfigError: `base_url` is none.
    """
    url = base_url
    if url is None:
        servers: Any = document.root.get("servers") or [{}]
        first = document.resolved(servers[0], "the first server")
        url = str(first.get("url", "/"))
        for name, variable in first.get("variables", {}).items():
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    if not isinstance(url, str):
        raise ConfigError(f"base_url is {shown(url)}; it takes the address of a server")
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and parts.hostname and not parts.username
    except ValueError:
        parts, complete = None, None
    if parts is None or not complete or parts.query or parts.fragment:
        kind = ConfigError if base_url is not None else ToolDefinitionError
        where = "base_url" if base_url is not None else "the document's server"
        raise kind(
            f"{where} is {url!r}, which is no address of a server",
            hint='give one: base_url="https://api.example.com"',
        )
    return url.rstrip("/")
