"""Options of tools, as keyword arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

from agentfast.tools.checks import check_flag, check_integer, check_number, refuse
from agentfast.tools.execution.results import LEAST_RESULT_BYTES


class ToolOptions(TypedDict, total=False):
    """Options of a tool, however it is made; each is an attribute of `Tool`, which says what it means."""

    timeout: float | None
    retries: int | None
    concurrency: int | None
    max_result_bytes: int | None
    pure: bool
    idempotent: bool
    requires_approval: bool | Callable[..., bool]


class NamedToolOptions(ToolOptions, total=False):
    """Options of a tool that is made of a function.

    Attributes:
        name: what the model calls it by; the function's name if None.
        description: in place of the docstring's text.
    """

    name: str | None
    description: str | None


_KNOWN = (*ToolOptions.__annotations__, *NamedToolOptions.__annotations__)


def check_options(options: Mapping[str, object]) -> None:
    """The options of a tool but its name and description.

    Raises:
        ConfigError: one of them is something else than it takes.
        TypeError: there is no such option.
    """
    for name in options:
        if name not in _KNOWN:
            raise TypeError(f"tool() got an unexpected keyword argument {name!r}")
    check_number("tool(timeout=...)", options.get("timeout"), above=0, optional=True)
    check_integer("tool(retries=...)", options.get("retries"), least=0, optional=True)
    check_integer("tool(concurrency=...)", options.get("concurrency"), least=1, optional=True)
    size = options.get("max_result_bytes")
    check_integer("tool(max_result_bytes=...)", size, least=LEAST_RESULT_BYTES, optional=True)
    for name in ("pure", "idempotent"):
        check_flag(f"tool({name}=...)", options.get(name, False))
    approval = options.get("requires_approval", False)
    if not isinstance(approval, bool) and not callable(approval):
        refuse("tool(requires_approval=...)", approval, "True, False, or a function of the arguments")
