"""Schemas that would blow up if counters, recursion or choices were unrolled: states, time and memory of each."""

from __future__ import annotations

from typing import Any, Final

from bench.grammar.workers import Worker


def tool(number: int, count: int) -> dict[str, Any]:
    """A call of a tool of `count` fields, half of them required."""
    kinds: list[dict[str, Any]] = [
        {"type": "string"},
        {"type": "integer"},
        {"type": "number"},
        {"type": "boolean"},
        {"enum": ["alpha", "beta", "gamma"]},
    ]
    properties = {f"f{number}_{i}": kinds[i % len(kinds)] for i in range(count)}
    arguments = {"type": "object", "properties": properties, "required": list(properties)[: count // 2]}
    return {"type": "object", "properties": {"name": {"const": f"t{number}"}, "arguments": arguments}}


BOUNDED: Final[dict[str, dict[str, Any]]] = {
    "maxLength 10,000": {"type": "string", "maxLength": 10_000},
    "minLength 9,999": {"type": "string", "minLength": 9_999, "maxLength": 10_000},
    "maxItems 1,000": {"type": "array", "items": {"type": "integer"}, "maxItems": 1_000},
    "a tree": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    },
    "any object": {"type": "object", "additionalProperties": True},
    "100 tools of 10 fields": {"anyOf": [tool(number, 10) for number in range(100)]},
}
"""Schemas that compile within the budget of states."""

REFUSED: Final[dict[str, dict[str, Any]]] = {
    "20 x maxLength 10,000": {"prefixItems": [{"type": "string", "maxLength": 10_000}] * 20},
    "lists of 1,000 lists": {
        "type": "array",
        "maxItems": 1_000,
        "items": {"type": "array", "maxItems": 1_000, "items": {"type": "integer"}},
    },
    "1,000 x 100 fields": {"type": "array", "maxItems": 1_000, "items": tool(0, 100)},
}
"""Schemas that are refused for it."""


def bounds(source: str, timeout: float) -> None:
    """Compile each in a fresh process over a vocabulary, and print a line for it."""
    print(f"{'':24}{'states':>10}{'ms':>10}{'MB more':>10}")
    for name, schema in {**BOUNDED, **REFUSED}.items():
        worker = Worker("agentfast", source, timeout)
        found = worker.compile(schema)
        grown = worker.peak_mb - worker.setup_mb
        if isinstance(found, str):
            print(
                f"{name:24}{'refused':>10}{1e3 * worker.last_s:10.0f}{grown:10.0f}  {found.partition('(')[0]}"
            )
        else:
            print(f"{name:24}{found['states']:10,.0f}{found['cold']:10.1f}{grown:10.0f}")
        worker.close()
