"""Options of a connection to an MCP server, and the package that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import metadata
from importlib.util import find_spec
from typing import Any, Final, Literal, TypedDict
from urllib.parse import urlsplit

from agentfast.errors import ConfigError
from agentfast.tools.checks import (
    check_flag,
    check_integer,
    check_list,
    check_number,
    check_text,
    refuse,
    shown,
)

Approval = bool | Literal["destructive"] | Callable[..., bool]
_OLDEST: Final = (2, 3)


class MCPOptions(TypedDict, total=False):
    """Options of an `MCPServer`.

    Attributes:
        name: for messages and the log; what the command or address suggests if it is not given.
        timeout: seconds that a call may take; None leaves it to the agent.
        connect_timeout: seconds that connecting may take, the start of the process included; 30 if it is not given.
        retries: further tries where a connection is lost; 3 if it is not given.
        requires_approval: calls are decided on before they run: True, a function of the arguments, or "destructive" for those
            tools that are neither read-only nor said to be harmless.
        trust_annotations: take the server's word for which tools are read-only, idempotent or destructive; True if it is not
            given.
        skip_unusable: leave out tools whose schemas are none or refer to other documents, instead of refusing the server.
        on_tools_changed: called after the server's tools have changed, in a thread of its own.
    """

    name: str
    timeout: float | None
    connect_timeout: float
    retries: int
    requires_approval: Approval
    trust_annotations: bool
    skip_unusable: bool
    on_tools_changed: Callable[[], None] | None


def check_mcp_options(options: Mapping[str, Any]) -> None:
    """The options of a server.

    Raises:
        ConfigError: one of them is something else than it takes.
        TypeError: there is no such option.
    """
    for name in options:
        if name not in MCPOptions.__annotations__:
            raise TypeError(f"MCPServer got an unexpected keyword argument {name!r}")
    check_text("name", options.get("name", ""))
    check_number("timeout", options.get("timeout"), above=0, optional=True)
    check_number("connect_timeout", options.get("connect_timeout", 1), above=0)
    check_integer("retries", options.get("retries", 0), least=0)
    for flag in ("trust_annotations", "skip_unusable"):
        check_flag(flag, options.get(flag, False))
    approval = options.get("requires_approval", False)
    if not isinstance(approval, bool) and approval != "destructive" and not callable(approval):
        refuse("requires_approval", approval, 'True, False, "destructive", or a function of the arguments')
    changed = options.get("on_tools_changed")
    if changed is not None and not callable(changed):
        refuse("on_tools_changed", changed, "a function without arguments, or None")


def check_command(command: object, args: object, env: object) -> None:
    """A command, its arguments and its environment.

    Raises:
        ConfigError: one of them is something else than it takes.
    """
    check_text("command", command)
    if not command:
        refuse("command", command, "the name or path of a program")
    for index, each in enumerate(check_list("args", args, "a list of texts")):
        check_text(f"args[{index}]", each)
    _check_texts("env", env)


def check_address(url: object, headers: object) -> None:
    """An address and headers.

    Raises:
        ConfigError: one of them is something else than it takes.
    """
    check_text("url", url)
    try:
        parts = urlsplit(str(url))
        complete = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:  # e.g. a port that is no number
        complete = False
    if not complete:
        refuse("url", url, "the address of an MCP server", hint='e.g. "http://localhost:8000/mcp"')
    _check_texts("headers", headers)


def _check_texts(name: str, given: object) -> None:
    if not isinstance(given, Mapping):
        raise ConfigError(f"{name} is {shown(given)}; it takes a dict of texts")
    for key, value in given.items():  # pyright: ignore[reportUnknownVariableType]
        check_text(f"a name in {name}", key)
        check_text(f"{name}[{key!r}]", value)


def check_package() -> None:
    """The package mcp, in a version that this was made for. It is not imported.

    Raises:
        ConfigError: it is not installed, or too old.
    """
    hint = "pip install 'agentfast[mcp]'"
    if find_spec("mcp") is None:
        raise ConfigError("the package mcp is not installed", hint=hint)
    found = metadata.version("mcp")
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if numbers < _OLDEST:
        raise ConfigError(f"the package mcp is of version {found}; it takes 2.3 or later", hint=hint)
