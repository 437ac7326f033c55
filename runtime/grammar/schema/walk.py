"""Walks over the schemas of a document, by the keywords that hold schemas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from agentfast.runtime.grammar.schema.keywords import as_list, as_object, pointer

_ONE: Final = frozenset(
    "additionalProperties propertyNames contains not if then else unevaluatedProperties unevaluatedItems items"
    " additionalItems contentSchema".split()
)
_LIST: Final = frozenset(("allOf", "anyOf", "oneOf", "prefixItems", "items"))
_MAP: Final = frozenset(
    ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")
)


def inner_schemas(rules: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any, str]]:
    """The schemas right inside one at `path`: the keyword that holds each, what stands there, and its path."""
    for keyword, value in rules.items():
        items, members = as_list(value), as_object(value)
        if keyword in _LIST and items is not None:
            yield from ((keyword, item, pointer(path, keyword, index)) for index, item in enumerate(items))
        elif keyword in _MAP and members is not None:
            yield from ((keyword, inner, pointer(path, keyword, name)) for name, inner in members.items())
        elif keyword in _ONE:
            yield keyword, value, pointer(path, keyword)


def subschemas(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The schemas of a document that are objects, each with its JSON pointer, from the outside in."""
    rules = as_object(schema)
    if rules is None:
        return
    yield path, rules
    for keyword, inner, below in inner_schemas(rules, path):
        if keyword != "contentSchema":  # it speaks of what a string holds
            yield from subschemas(inner, below)
