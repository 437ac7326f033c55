"""The tools of a request, in OpenAI's form or flat, in their canonical form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from agentfast.errors import ConfigError

MAX_CALLS: Final = 8
"""Calls in one turn at most, if the request says nothing."""


_UNWRITABLE: Final = re.compile(r"[\s(){}<>\[\]:,\"|]")
"""Marks that would end a name for those who read the call."""
_CHOICES: Final = ("auto", "required", "none")


def tools_source(said: Mapping[str, Any], answer: dict[str, Any] | None) -> dict[str, Any]:
    """The source of a constraint of tool calls.

    Args:
        said: `tools`, `tool_choice` and `max_calls` of the request.
        answer: the constraint on an answer without calls; None: it is text.

    Raises:
        ConfigError: one of them is malformed, or the choice names no tool.
    """
    given = said.get("tools")
    if not isinstance(given, (list, tuple)):
        raise ConfigError(f"tools is {given!r}", hint="give a list of tools")
    tools = [_tool(tool) for tool in cast("list[Any]", given)]
    names = [tool["name"] for tool in tools]
    if twice := [name for at, name in enumerate(names) if name in names[:at]]:
        raise ConfigError(f"two tools are named {twice[0]!r}", hint="give each tool a name of its own")
    most = said.get("max_calls")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise ConfigError(f"max_calls is {most!r}", hint="give a number from 1 on")
    return {
        "tools": tools,
        "tool_choice": _choice(said.get("tool_choice"), names),
        "max_calls": most or MAX_CALLS,
        "answer": answer,
    }


def _tool(given: Any) -> dict[str, Any]:
    tool = given.get("function", given) if isinstance(given, Mapping) else given  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(tool, Mapping) or not isinstance(tool.get("name"), str) or not tool["name"]:
        raise ConfigError(f"a tool is {given!r}", hint="give an object with a name and parameters")
    found = cast("Mapping[str, Any]", tool)
    if _UNWRITABLE.search(found["name"]):
        raise ConfigError(
            f"the tool name {found['name']!r} cannot be written in a call",
            hint="take letters, digits, dots, dashes and underscores",
        )
    if found["name"] in _CHOICES:
        raise ConfigError(
            f"a tool is named {found['name']!r}, which is a tool choice", hint="give the tool another name"
        )
    parameters = _parameters(found["name"], found.get("parameters"))
    return {"name": found["name"], "description": found.get("description") or "", "parameters": parameters}


def _parameters(name: str, given: Any) -> dict[str, Any]:
    """The schema of a tool's arguments, which are an object: `{}` means none, not any value.

    Raises:
        ConfigError: it is no schema, or allows no object.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ConfigError(f"the parameters of tool {name!r} are {given!r}", hint="give a JSON Schema")
    schema = dict(cast("Mapping[str, Any]", given))
    kinds = schema.get("type", "object")
    if kinds != "object" and not (isinstance(kinds, list) and "object" in kinds):
        raise ConfigError(
            f"the parameters of tool {name!r} are of type {kinds!r}",
            hint="give a schema of type object: a call has named arguments",
        )
    return schema | {"type": "object"}


def _choice(given: Any, names: list[str]) -> str:
    if isinstance(given, Mapping):
        named = cast("Mapping[str, Any]", given)
        given = named.get("name") or cast("Mapping[str, Any]", named.get("function") or {}).get("name")
        if given not in names:
            raise ConfigError(f"tool_choice names the tool {given!r}", hint=f"there are {', '.join(names)}")
    choice = "auto" if given is None else given
    if choice not in (*_CHOICES, *names):
        raise ConfigError(
            f"tool_choice is {choice!r}", hint=f"give auto, required, none or one of {', '.join(names)}"
        )
    if choice == "required" and not names:
        raise ConfigError("tool_choice is 'required', but there is no tool", hint="give tools")
    return str(choice)
