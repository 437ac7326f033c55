"""Nodes of objects: properties, and disjoint classes of other keys."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from agentfast.errors import GrammarError, UnsupportedSchemaError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.boolean_formula import FALSE, TRUE
from agentfast.runtime.grammar.automaton.object_members import ObjectMembers, ObjectShape, Property
from agentfast.runtime.grammar.schema.build.base import NodeBuilder
from agentfast.runtime.grammar.schema.build.mode import Mode
from agentfast.runtime.grammar.schema.build.values import string_node
from agentfast.runtime.grammar.schema.rules.alternatives import project
from agentfast.runtime.grammar.schema.rules.by_type import ObjectRules, Others
from agentfast.runtime.grammar.schema.rules.subschemas import NEVER, Subschemas, conjoin
from agentfast.runtime.grammar.strings.language import StringLanguage

MAX_CLASSES: Final = 64
"""Classes of keys that patterns may tell apart."""
MAX_LISTED: Final = 16
"""Keys that are told one by one when there are no others."""
MAX_UNORDERED: Final = 4
"""Such keys that come in any order where declared ones come in theirs; each doubles the states."""


def object_node(builder: NodeBuilder, rules: ObjectRules, mode: Mode) -> nodes.Node:
    """Objects that meet the rules; NOTHING if there are plainly none.

    Raises:
        UnsupportedSchemaError: a combination that a finite automaton cannot decide, as it would have to remember keys.
    """
    if mode.closed:
        rules = closed_rules(rules)
    others = _others(builder, rules)
    listed = [name for language, _ in others for name in language.finite(MAX_LISTED) or ()]
    if listed:  # few enough to be fields
        others = [
            (language, subschemas) for language, subschemas in others if language.finite(MAX_LISTED) is None
        ]
    in_order = frozenset(listed if len(listed) > MAX_UNORDERED else ())
    names = list(dict.fromkeys((*rules.order, *_mentioned(rules), *listed)))
    keys = _key_language(builder, rules)
    properties: dict[str, Property] = {}
    for name in names:
        value: nodes.Node = nodes.NOTHING
        if keys is None or keys.contains(name):
            value = builder.value(subschemas_of(rules, name), mode)
        if value == nodes.NOTHING:
            if name in rules.required:
                return nodes.NOTHING
            continue
        ordered = mode.order == "declared" and (name in rules.order or name in in_order)
        properties[name] = Property(string_node(name, mode.encoding), value, name in rules.required, ordered)
    if rules.most is not None and rules.most < max(rules.least, len(rules.required)):
        return nodes.NOTHING
    _refuse_undecidable(builder, rules, others, mode)
    return _members(builder, rules, properties, others, mode)


def _members(
    builder: NodeBuilder,
    rules: ObjectRules,
    properties: dict[str, Property],
    others: list[tuple[StringLanguage, Subschemas]],
    mode: Mode,
) -> nodes.Node:
    index = {name: number for number, name in enumerate(properties)}
    needs: list[tuple[int, tuple[int, ...]]] = []
    for name, needed in rules.needs:
        if name not in index:
            continue
        if not all(other in index for other in needed):  # one of them cannot be there, so neither can this
            trigger = properties[name]
            if trigger.required:
                return nodes.NOTHING
            return object_node(builder, replace(rules, named=(*rules.named, (name, NEVER))), mode)
        needs.append((index[name], tuple(index[other] for other in needed)))
    further: list[tuple[nodes.Node, nodes.Node]] = []
    for language, subschemas in others:
        value = builder.value(subschemas, mode)
        if value != nodes.NOTHING:
            further.append((_keys_node(language, mode.encoding, rules.path), value))
    if not further and rules.least > len(properties):
        return nodes.NOTHING
    return ObjectMembers(
        ObjectShape(tuple(properties.values()), tuple(further), rules.least, rules.most, tuple(needs)),
        builder.gaps,
    )


def closed_rules(rules: ObjectRules) -> ObjectRules:
    """The rules with other members than the declared ones excluded, unless a schema mentions them."""
    if not rules.closable or rules.is_open:
        return rules
    patterns = tuple(pattern for pattern, _ in rules.patterns)
    others = Others(frozenset(rules.order), patterns, NEVER)
    return replace(rules, others=(*rules.others, others), is_open=True)


def subschemas_of(rules: ObjectRules, name: str) -> Subschemas:
    """Subschemas of the value of a key."""
    return conjoin(
        (subschema for key, subschema in rules.named if key == name),
        (
            subschema
            for pattern, subschema in rules.patterns
            if pattern_language(pattern, rules.path).contains(name)
        ),
        (
            other.subschema
            for other in rules.others
            if name not in other.names
            and not any(pattern_language(p, rules.path).contains(name) for p in other.patterns)
        ),
    )


@lru_cache(maxsize=1024)
def pattern_language(pattern: str, path: str) -> StringLanguage:
    """Keys that a pattern matches.

    Raises:
        UnsupportedSchemaError: the pattern is not read.
    """
    try:
        return StringLanguage.pattern(pattern)
    except GrammarError as error:
        raise UnsupportedSchemaError("patternProperties", path, error.message, hint=error.hint) from error


def _mentioned(rules: ObjectRules) -> list[str]:
    """Every key that rules treat by name."""
    excluded = sorted({name for other in rules.others for name in other.names})
    needed = [name for trigger, names in rules.needs for name in (trigger, *names)]
    return [*(name for name, _ in rules.named), *rules.required, *needed, *excluded]


def _key_language(builder: NodeBuilder, rules: ObjectRules) -> StringLanguage | None:
    """The keys that propertyNames allows; None is all."""
    formula = project(builder.formula(rules.names), "string", closed=False)
    return None if formula == TRUE else builder.strings(formula)


def _others(builder: NodeBuilder, rules: ObjectRules) -> list[tuple[StringLanguage, Subschemas]]:
    """Disjoint classes of the keys that are not mentioned, each with the subschemas of its values.

    Raises:
        UnsupportedSchemaError: there are too many.
    """
    names = tuple(dict.fromkeys((*rules.order, *_mentioned(rules))))
    patterns = tuple(
        dict.fromkeys(
            (*(p for p, _ in rules.patterns), *(p for other in rules.others for p in other.patterns))
        )
    )
    never = [other for other in rules.others if other.subschema == NEVER and not other.patterns]
    if never:  # nothing beyond the names
        return []
    start = _except(names)
    keys = _key_language(builder, rules)
    found: list[tuple[StringLanguage, frozenset[str]]] = [
        (start if keys is None else start & keys, frozenset())
    ]
    for pattern in patterns:
        language = pattern_language(pattern, rules.path)
        split = [
            pair
            for keys, matched in found
            for pair in ((keys & language, matched | {pattern}), (keys & ~language, matched))
        ]
        found = [(keys, matched) for keys, matched in split if not keys.is_empty]
        if len(found) > MAX_CLASSES:
            raise UnsupportedSchemaError(
                "patternProperties", rules.path, f"more than {MAX_CLASSES} classes of keys"
            )
    classes = [(keys, _class_subschemas(rules, matched)) for keys, matched in found if not keys.is_empty]
    return [(keys, subschemas) for keys, subschemas in classes if builder.formula(subschemas) != FALSE]


@lru_cache(maxsize=256)
def _except(names: tuple[str, ...]) -> StringLanguage:
    return ~StringLanguage.words(names) if names else StringLanguage.anything()


def _class_subschemas(rules: ObjectRules, matched: frozenset[str]) -> Subschemas:
    return conjoin(
        (subschema for pattern, subschema in rules.patterns if pattern in matched),
        (other.subschema for other in rules.others if not matched.intersection(other.patterns)),
    )


def _keys_node(language: StringLanguage, encoding: str, path: str) -> nodes.Node:
    try:
        return language.node("any" if encoding == "any" else "canonical")
    except GrammarError as error:
        raise UnsupportedSchemaError("properties", path, error.message, hint=error.hint) from error


def _refuse_undecidable(
    builder: NodeBuilder, rules: ObjectRules, others: list[tuple[StringLanguage, Subschemas]], mode: Mode
) -> None:
    """An automaton cannot tell whether two keys without a name are the same: JSON texts in which they are would be
    judged by both, while readers take the last."""
    if not others:
        return
    if mode.positive and rules.least - len(rules.required) > 1:
        raise UnsupportedSchemaError(
            "minProperties",
            rules.path,
            "two keys that are not declared would have to differ",
            hint="declare the properties, require some, or use minProperties 1",
        )
    if mode.negative and rules.most:
        raise UnsupportedSchemaError(
            "maxProperties",
            rules.path,
            "under a negation two keys that are not declared would have to differ",
        )
    if mode.negative:
        for _, subschemas in others:
            if builder.formula(subschemas) not in (TRUE, FALSE):
                raise UnsupportedSchemaError(
                    "patternProperties" if rules.patterns else "additionalProperties",
                    rules.path,
                    "under a negation, values of keys that are not declared cannot be told apart",
                    hint="declare the properties by name",
                )
