"""Schemas that no value meets, told before anything is generated, and the field that is to blame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.byte_dfa import ByteDfa
from agentfast.runtime.grammar.schema.compile import compile_schema

_MAX_STEPS: Final = (
    5_000  # of one object or array that are looked at; one with more is taken to match something
)
_MAX_DEPTH: Final = 16  # levels of fields


def is_unsatisfiable(root: nodes.Node) -> bool:
    """Test whether an expression matches nothing, as far as its parts alone show: False is also "not known".

    The least fixed point over its nodes: a node matches something if the parts do that it needs.
    """
    found = list(nodes.walk(root))
    found.reverse()  # parts mostly before what they are part of
    apart, alive = _steps_apart(found)
    found = [*apart, *found]
    before = -1
    while len(alive) > before:
        before = len(alive)
        alive.update(node for node in found if node not in alive and _matches(node, alive))
    return root not in alive


def _matches(node: nodes.Node, alive: set[nodes.Node]) -> bool:
    """Test whether a node matches something if those in `alive` do and no others."""
    match node:
        case nodes.Choice(options=options):
            return any(option in alive for option in options)
        case nodes.Sequence(parts=parts):
            return all(part in alive for part in parts)
        case nodes.Repeat(item=item, least=least):
            return least == 0 or item in alive
        case nodes.Reference(rule=rule):
            return rule.body in alive
        case nodes.Narrowed(generated=generated):
            return generated in alive
        case nodes.GemmaText(operand=operand):
            return operand in alive
        case nodes.Terminal(dfa=ByteDfa(accepting=accepting)):
            return any(accepting)
        case nodes.Steps():
            return _reaches_an_end(node, alive)
        case _:
            return True


def _steps_apart(found: list[nodes.Node]) -> tuple[list[nodes.Node], set[nodes.Node]]:
    """Brackets and commas, the steps that are not among the parts of nodes, and nodes with too many steps to look at."""
    known = set(found)
    apart: list[nodes.Node] = []
    large = set[nodes.Node]()
    for node in found:
        if not isinstance(node, nodes.Steps):
            continue
        for count, step in enumerate(_all_steps(node)):
            if count == _MAX_STEPS:
                large.add(node)
                break
            new = [part for part in nodes.walk(step) if part not in known] if step not in known else []
            known.update(new)
            apart += reversed(new)
    return apart, large


def _all_steps(node: nodes.Steps) -> Iterator[nodes.Node]:
    """Steps of a node, each as often as it may be made."""
    seen = {0}
    pending = [0]
    while pending:
        for step, to in node.steps(pending.pop()):
            yield step
            if to not in seen:
                seen.add(to)
                pending.append(to)


def _reaches_an_end(node: nodes.Steps, alive: set[nodes.Node]) -> bool:
    seen = {0}
    pending = [0]
    while pending:
        position = pending.pop()
        if node.is_final(position):
            return True
        for step, to in node.steps(position):
            if to not in seen and step in alive:
                seen.add(to)
                pending.append(to)
    return False


def unsatisfiable_field(schema: Mapping[str, Any]) -> tuple[str, Any]:
    """The innermost field that alone makes a schema unsatisfiable, as "items.count", and its own schema.

    The path is "" if no single field does.
    """
    place, inner, found = "", schema, True
    while found and place.count(".") < _MAX_DEPTH:
        found = False
        for name, sub in _required(inner):
            if _is_empty_alone(sub, schema):
                place, inner, found = f"{place}.{name}".lstrip("."), sub, isinstance(sub, Mapping)
                break
    return place, inner


def _required(schema: object) -> Iterator[tuple[str, Any]]:
    """Parts that a value of a schema must have."""
    if not isinstance(schema, Mapping):
        return
    given = cast("Mapping[str, Any]", schema)
    properties = given.get("properties", {})
    for name in given.get("required", ()):
        if name in properties:
            yield name, properties[name]
    if given.get("minItems", 0) and "items" in given:
        yield "items", given["items"]


def _is_empty_alone(schema: Any, document: Mapping[str, Any]) -> bool:
    if isinstance(schema, Mapping):
        schema = {**{key: document[key] for key in ("$defs", "definitions") if key in document}, **schema}
    try:
        return is_unsatisfiable(compile_schema(schema).node)
    except GrammarError:
        return False
