"""The tools and fields that make a turn's grammar too large, for the error that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from agentfast.errors import AgentFastError, GrammarTooLargeError
from agentfast.runtime.grammar import compile_schema
from agentfast.tools.call import ToolDefinition

_SHOWN: Final = 3
_MOST: Final = 100_000  # states that are counted of a single tool or field: a second's work


def with_costs(error: GrammarTooLargeError, tools: Sequence[ToolDefinition]) -> GrammarTooLargeError:
    """The error, with the tools that take most states and the field that takes most of each."""
    costs = _costliest({tool.name: tool.parameters for tool in tools})
    if not costs:
        return error
    schemas = {tool.name: tool.parameters for tool in tools}
    described = [f"{name} ({_states(count)}{_field(schemas[name])})" for name, count in costs]
    return GrammarTooLargeError(
        f"{error.message}; of the {len(tools)} tools these take most: {', '.join(described)}",
        hint="offer fewer tools in a turn, or lower maxLength, maxItems or the number of values of these fields",
    )


def _field(schema: Mapping[str, Any]) -> str:
    """The costliest property, with what the document defines beside it."""
    shared = {name: schema[name] for name in ("$defs", "definitions") if name in schema}
    fields = {name: {**shared, **_rules(field)} for name, field in schema.get("properties", {}).items()}
    return "".join(f", of which {name} {_states(count)}" for name, count in _costliest(fields)[:1])


def _rules(field: Any) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", field) if isinstance(field, Mapping) else {}


def _costliest(schemas: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Names and states of the costliest schemas, each alone; those that cannot stand alone are left out."""
    counts: dict[str, int] = {}
    for name, schema in schemas.items():
        try:
            counts[name] = compile_schema(schema).count_states(_MOST)
        except AgentFastError:
            continue
    return sorted(counts.items(), key=lambda cost: -cost[1])[:_SHOWN]


def _states(count: int) -> str:
    return f"{count:,} states" if count < _MOST else f"more than {_MOST:,} states"
