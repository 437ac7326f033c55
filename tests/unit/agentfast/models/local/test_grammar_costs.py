"""The error of a turn's grammar that is too large."""

from __future__ import annotations

from typing import Any

from agentfast import ToolDefinition
from agentfast.errors import GrammarTooLargeError
from agentfast.models.local.grammar_costs import with_costs

ERROR = GrammarTooLargeError("the grammar needs more than 500000 states")


def tool(name: str, **fields: Any) -> ToolDefinition:
    return ToolDefinition(name=name, description="", parameters={"type": "object", "properties": fields})


def test_it_names_the_costliest_tools_and_the_costliest_field_of_each() -> None:
    large = tool("large", id={"type": "integer"}, text={"$ref": "#/$defs/t"})
    shared = {"t": {"type": "string", "maxLength": 100}}
    large = ToolDefinition("large", "", {**large.parameters, "$defs": shared})
    error = with_costs(ERROR, [tool("small", id={"type": "integer"}), large])
    assert error.message.startswith(
        "the grammar needs more than 500000 states; of the 2 tools these take most: large ("
    )
    assert ", of which text 2,2" in error.message
    assert error.message.index("large") < error.message.index("small")
    assert "maxLength" in (error.hint or "")


def test_what_is_above_the_count_is_said_to_be_more() -> None:
    error = with_costs(ERROR, [tool("huge", text={"type": "string", "maxLength": 100_000})])
    assert "huge (more than 100,000 states, of which text more than 100,000 states)" in error.message


def test_without_tools_the_error_is_as_it_was() -> None:
    assert with_costs(ERROR, []) is ERROR
