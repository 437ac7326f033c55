"""The cost of each field of a schema, compiled alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import quote

from agentfast.cli.schema.sections import section
from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.grammar.schema.keywords import as_list, as_object, pointer

MAX_FIELDS: Final = 200
"""Fields that are compiled; a schema with more shows the first ones."""
SHOWN_FIELDS: Final = 12
"""Fields in the table for people."""
_MAX_NESTING: Final = 6
_FRAGMENT: Final = (
    "/~$!&'()*+,;=:@?"  # characters that need no escape in a URI's fragment, beside letters and digits
)

Compile = Callable[[Any], Grammar]
Begin = Callable[[str], object]
"""Told of a phase as it begins."""


@dataclass(frozen=True, slots=True)
class FieldCost:
    """One field's own automaton.

    Attributes:
        field: the names on the way to it, with [] for the items of an array.
        path: JSON pointer to its schema.
        states, edges: over tokens; 0 where `refused` says why there are none.
    """

    field: str
    path: str
    states: int
    edges: int
    refused: str | None = None


def field_costs(schema: Any, compile_alone: Compile, vocabulary: Vocabulary, begin: Begin) -> list[FieldCost]:
    """The fields of a schema, refused ones first, then the most expensive first."""
    costs: list[FieldCost] = []
    embedded = {"$defs": {"root": _with_references_under(schema, "#/$defs/root")}}
    fields = list(islice(_fields(schema, "", ""), MAX_FIELDS))
    for number, (field, path) in enumerate(fields, 1):
        begin(f"compiling field {number} of {len(fields)} alone: {field}")
        try:
            grammar = compile_alone(
                {"$ref": f"#/$defs/root{quote(path, safe=_FRAGMENT)}"} | embedded
            ).compile(vocabulary)
            costs.append(FieldCost(field, path, grammar.state_count, len(grammar.edge_target)))
        except GrammarError as error:
            costs.append(FieldCost(field, path, 0, 0, error.message.replace("/$defs/root", "")))
    return sorted(costs, key=lambda cost: (cost.refused is None, -cost.states))


def _fields(schema: Any, field: str, path: str, nesting: int = 0) -> Iterator[tuple[str, str]]:
    """Names and pointers of the properties and items inside a schema, without following references."""
    rules = as_object(schema)
    if rules is None or nesting > _MAX_NESTING:
        return
    for name, inner, at in _parts(rules, path):
        here = field + (name if not field or name.startswith("[") else f".{name}" if name else "")
        if name:
            yield here, at
        yield from _fields(inner, here if name else field, at, nesting + 1)


def _parts(rules: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, str]]:
    """Direct subschemas: name of the field ("" for alternatives of the same value), schema, pointer."""
    for name, inner in (as_object(rules.get("properties")) or {}).items():
        yield str(name), inner, pointer(path, "properties", name)
    if as_object(rules.get("items")) is not None:
        yield "[]", rules["items"], pointer(path, "items")
    for keyword in ("prefixItems", "anyOf", "oneOf", "allOf"):
        for index, inner in enumerate(as_list(rules.get(keyword)) or []):
            name = f"[{index}]" if keyword == "prefixItems" else ""
            yield name, inner, pointer(path, keyword, index)


def _with_references_under(value: Any, base: str) -> Any:
    """The document for embedding at a pointer inside another, its references rebased."""
    items, rules = as_list(value), as_object(value)
    if items is not None:
        return [_with_references_under(item, base) for item in items]
    if rules is None:
        return value
    copy = {name: _with_references_under(inner, base) for name, inner in rules.items() if name != "$id"}
    for keyword in ("$ref", "$dynamicRef"):
        target = rules.get(keyword)
        if isinstance(target, str) and (target == "#" or target.startswith("#/")):
            copy[keyword] = base + target[1:]
    return copy


def fields_text(fields: Iterable[FieldCost]) -> Iterable[str]:
    """The table of fields; those with the same name, as in alternatives, also have their pointer."""
    costs = list(fields)
    times = Counter(cost.field for cost in costs)
    rows: list[str] = []
    for cost in costs[:SHOWN_FIELDS]:
        name = cost.field if times[cost.field] == 1 else f"{cost.field} (at {cost.path})"
        if cost.refused is None:
            rows.append(f"{cost.states:>8,} states  {cost.edges:>10,} edges  {name}")
        else:
            rows.append(f"{'refused':>15}  {'':>16}  {name}: {cost.refused}")
    if len(costs) > SHOWN_FIELDS:
        rows.append(f"and {len(costs) - SHOWN_FIELDS} more")
    return section("fields, each compiled alone", rows)
