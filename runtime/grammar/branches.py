"""anyOf, oneOf and allOf as plain alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import keywords
from agentfast.runtime.grammar.keywords import JsonSchema, pointer
from agentfast.runtime.grammar.values import resolve, type_of

Branch = tuple[JsonSchema, str]
"""A schema and its path."""


def branches_of(rules: Mapping[str, Any], keyword: str, path: str, root: JsonSchema) -> list[Branch]:
    """The alternatives that a combining keyword leaves, each with the keywords beside it.

    `allOf` is read with a single member only; `oneOf` where its branches cannot overlap: they differ in type, or in a
    required property that is constant in each.

    Raises:
        UnsupportedSchemaError: a combination that would need the intersection of schemas, or branches that may overlap.
    """
    members = keywords.as_list(rules[keyword])
    if not members:
        raise UnsupportedSchemaError(keyword, path, "it is not a list of schemas")
    if keyword == "allOf" and len(members) > 1:
        raise UnsupportedSchemaError(
            "allOf", path, "more than one member is not supported", hint="merge the members"
        )
    beside = {name: value for name, value in rules.items() if name != keyword}
    branches = [(member, pointer(path, keyword, i)) for i, member in enumerate(members)]
    if keyword == "oneOf":
        _refuse_overlap([_resolved(schema, at, root)[0] for schema, at in branches], path)
    return [_merged(beside, branch, keyword, path, root) for branch in branches] if beside else branches


def _resolved(schema: JsonSchema, path: str, root: JsonSchema) -> Branch:
    """Follow a reference that has only annotations beside it."""
    seen: set[str] = set()
    while isinstance(schema, Mapping) and "$ref" in schema and len(keywords.constraints(schema, path)) == 1:
        if path in seen:
            raise UnsupportedSchemaError(
                "$ref", path, "the schema refers to itself without an object or array between"
            )
        seen.add(path)
        schema, path = resolve(root, schema["$ref"], path)
    return schema, path


def _merged(beside: dict[str, Any], branch: Branch, keyword: str, path: str, root: JsonSchema) -> Branch:
    """A branch and the keywords beside it as one schema, where that means the same."""
    schema, at = _resolved(*branch, root)
    if schema is True:
        return beside, path
    if not isinstance(schema, Mapping):
        return schema, at
    inner = keywords.constraints(schema, at)
    apart = {"properties", "additionalProperties"}, {"items", "prefixItems"}
    for name, value in beside.items():
        # Keywords that read each other mean something else when they meet in one schema.
        clash = any(name in group and group & inner.keys() for group in apart)
        if clash or "$ref" in inner or name in keywords.COMBINING or (name in inner and inner[name] != value):
            raise UnsupportedSchemaError(
                name, path, f"beside {keyword!r} it is not supported", hint="move it into each branch"
            )
    return {**beside, **inner}, at


def _refuse_overlap(schemas: list[JsonSchema], path: str) -> None:
    for left, right in combinations(schemas, 2):
        if left is False or right is False:
            continue
        if not (
            isinstance(left, Mapping) and isinstance(right, Mapping) and _are_disjoint(left, right, path)
        ):
            raise UnsupportedSchemaError(
                "oneOf",
                path,
                "its branches may overlap",
                hint="use anyOf, or give each branch a required property with its own const",
            )


def _are_disjoint(left: Mapping[str, Any], right: Mapping[str, Any], path: str) -> bool:
    fixed = _constants(left), _constants(right)
    if fixed[0] is not None and fixed[1] is not None:
        return not any(_same(a, b) for a in fixed[0] for b in fixed[1])
    if not (_types(left, path) & _types(right, path)):
        return True
    if _types(left, path) != {"object"} or _types(right, path) != {"object"}:
        return False
    shared = set(left.get("required", ())) & set(right.get("required", ()))
    for name in shared:
        values = [_constants(side.get("properties", {}).get(name, True)) for side in (left, right)]
        if values[0] is None or values[1] is None:
            continue
        if not any(_same(a, b) for a in values[0] for b in values[1]):
            return True
    return False


def _types(schema: Mapping[str, Any], path: str) -> set[str]:
    constants = _constants(schema)
    types = {type_of(v) for v in constants} if constants is not None else set(keywords.types_of(schema, path))
    return types | {"number"} if "integer" in types else types | {"integer"} if "number" in types else types


def _constants(schema: Any) -> list[Any] | None:
    rules = keywords.as_object(schema)
    if rules is None:
        return None
    if "const" in rules:
        return [rules["const"]]
    return keywords.as_list(rules.get("enum"))


def _same(left: Any, right: Any) -> bool:
    return type_of(left) == type_of(right) and left == right
