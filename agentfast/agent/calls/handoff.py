"""Hand-offs: tools by which a model gives the conversation to another agent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final, Protocol

from agentfast.agent.definitions.definition import Definition
from agentfast.agent.result import RunResult
from agentfast.errors import ConfigError
from agentfast.tools.context import RunContext
from agentfast.tools.definition import Tool, tool

_PREFIX: Final = "transfer_to_"
_LONGEST: Final = 64


class RunsPrompts(Protocol):
    """An agent, as far as a tool made of it needs one."""

    @property
    def deps_type(self) -> Any:
        """Type of what its tools get by their context; None: nothing."""
        ...

    async def run(self, prompt: str, *, deps: Any = ...) -> RunResult[Any]:
        """Answer one prompt."""
        ...


def handoff_name(agent: str) -> str:
    """Name of the tool whose call hands the conversation to the agent of that name.

    Raises:
        ConfigError: no tool can be named after the agent.
    """
    name = _PREFIX + re.sub(r"[^A-Za-z0-9_-]", "_", agent)
    if len(name) > _LONGEST or name == _PREFIX:
        raise ConfigError(
            f"an agent named {agent!r} cannot be handed to: no tool can be named {name!r}",
            hint=f"give it a name of 1 to {_LONGEST - len(_PREFIX)} letters, digits, _ and -",
        )
    return name


def handoff_tool(agent: str, description: str) -> Tool[Any]:
    """The tool whose call hands the conversation to the agent of that name."""
    name = handoff_name(agent)

    def transfer() -> str:
        return f"The conversation goes on with {agent}."

    return Tool.from_schema(
        name,
        {"type": "object", "properties": {}, "additionalProperties": False},
        transfer,
        description=description or f"Hand the conversation over to {agent}.",
        idempotent=True,
    )


def agent_tool(agent: RunsPrompts, name: str, description: str) -> Tool[Any]:
    """The tool that runs an agent with a prompt.

    Raises:
        ToolDefinitionError: no tool can have the name.
    """

    async def ask(context: RunContext[Any], prompt: str) -> Any:
        deps = None if agent.deps_type is None else context.deps
        return (await agent.run(prompt, deps=deps)).output

    return replace(tool(ask, name=name, description=description), context_type=agent.deps_type)


def reachable(definitions: Iterable[Definition[Any]]) -> Iterator[Definition[Any]]:
    """The agents that a conversation can come to by hand-offs, from these on."""
    for definition in definitions:
        yield definition
        yield from reachable(definition.handoffs.values())
