"""Checks of an agent's schemas by a model that is held to them, when the agent is made."""

from __future__ import annotations

from typing import Any

from agentfast.agent.output.output_type import OutputType
from agentfast.chat.base import TurnRules
from agentfast.models.base import CheckingModel, Model
from agentfast.tools.registry import ToolRegistry


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
