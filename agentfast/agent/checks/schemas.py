"""Checks of an agent's schemas by a model that is held to them, when the agent is made."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from agentfast.agent.output.output_type import OutputType
from agentfast.chat.base import TurnRules
from agentfast.errors import ConfigError, GrammarError
from agentfast.models.base import CheckingModel, Model
from agentfast.tools.definition import Tool
from agentfast.tools.registry import ToolRegistry

_LOG = logging.getLogger("agentfast.tools")


def check_schemas(
    model: Model, registry: ToolRegistry, output: OutputType[Any], tool_choice: str, max_calls: int
) -> None:
    """Have the model check the first turn of a run and those after it; a model that checks nothing serves anything.

    Raises:
        ConfigError, UnsupportedSchemaError: see `CheckingModel.check`.
    """
    if not isinstance(model, CheckingModel):
        return
    unenforced = [
        f"tool {tool.name!r}, parameter {found.place!r}: {found.check}"
        for tool in registry
        for found in tool.unenforced
    ]
    unenforced += [
        f"output_type, {found.place or 'as a whole'!r}: {found.check}" for found in output.unenforced
    ]
    for choice in dict.fromkeys((tool_choice, tool_choice if tool_choice == "none" else "auto")):
        rules = TurnRules(registry.definitions, output.schema, output.grammar, choice, max_calls)
        model.check(rules, unenforced)


def held_by(model: Model) -> Callable[[Tool[Any]], bool]:
    """A filter for tools of others: `server.filtered(held_by(model))` leaves out those whose schemas the model cannot be held to.

    The reason of each that is left out is logged as a warning. Without it an agent refuses them all, and names the first. A model
    that checks nothing has everything.
    """

    def is_held(tool: Tool[Any]) -> bool:
        try:
            check_schemas(model, ToolRegistry([tool]), OutputType(str), "auto", 1)
        except (ConfigError, GrammarError) as error:
            _LOG.warning("tool %s is left out: %s", tool.name, error)
            return False
        return True

    return is_held
