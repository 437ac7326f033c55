"""Nodes of single values: strings, numbers, true and false, and any value at all."""

from __future__ import annotations

import json
from functools import lru_cache

from agentfast.errors import GrammarError, UnsupportedSchemaError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.array_items import ArrayItems, ItemCounter, ItemOption
from agentfast.runtime.grammar.automaton.boolean_formula import Formula
from agentfast.runtime.grammar.automaton.object_members import ObjectMembers, ObjectShape
from agentfast.runtime.grammar.automaton.whitespace import Gaps
from agentfast.runtime.grammar.numbers.number import Bounds, number_node, number_value
from agentfast.runtime.grammar.schema.build.mode import Encoding
from agentfast.runtime.grammar.schema.rules.by_type import NumberRules, StringRules, allows
from agentfast.runtime.grammar.strings.language import StringLanguage


def booleans_node(formula: Formula) -> nodes.Node:
    """The truth values that a formula over `BooleanRules` allows."""
    words = [text for value, text in ((True, b"true"), (False, b"false")) if allows(formula, value=value)]
    return nodes.Literal(words[0]) if len(words) == 1 else nodes.Choice(nodes.Literal(word) for word in words)


def numbers_node(rules: NumberRules, encoding: Encoding) -> nodes.Node:
    """The numbers that rules allow.

    Raises:
        UnsupportedSchemaError: they take too many states.
    """
    bounds = rules.bounds
    try:
        if rules.is_value and bounds.low is not None:  # the other rules let it pass
            return number_value(bounds.low, encoding)
        return number_node(bounds, integral=rules.integral, multiple_of=rules.multiple_of, encoding=encoding)
    except GrammarError as error:
        keyword = "minimum" if rules.multiple_of is None else "multipleOf"
        raise UnsupportedSchemaError(keyword, rules.path, error.message, hint=error.hint) from error


@lru_cache(maxsize=1024)
def language_of(rules: StringRules) -> StringLanguage:
    """The strings that rules allow.

    Raises:
        UnsupportedSchemaError: a pattern is not read, or takes too many states.
    """
    keyword = "minLength"
    try:
        language = StringLanguage.length(rules.least, rules.most)
        if rules.words is not None:
            language &= StringLanguage.words(sorted(rules.words))
        for keyword, text in rules.parts:
            language &= StringLanguage.pattern(text) if keyword == "pattern" else StringLanguage.format(text)
    except UnsupportedSchemaError:
        raise
    except GrammarError as error:
        raise UnsupportedSchemaError(keyword, rules.path, error.message, hint=error.hint) from error
    return language


def language_node(language: StringLanguage, encoding: Encoding, source: Formula) -> nodes.Node:
    """The strings as JSON writes them.

    Raises:
        UnsupportedSchemaError: that takes too many states.
    """
    try:
        return language.node(encoding)
    except GrammarError as error:
        rules = source if isinstance(source, StringRules) else StringRules()
        keyword = rules.parts[0][0] if rules.parts else "type"
        raise UnsupportedSchemaError(keyword, rules.path, error.message, hint=error.hint) from error


@lru_cache(maxsize=4096)
def string_node(text: str, encoding: Encoding) -> nodes.Node:
    """One string as JSON writes it, quotes included."""
    if encoding == "canonical":
        return nodes.Literal(json.dumps(text, ensure_ascii=False).encode())
    return StringLanguage.words((text,)).node("any")


@lru_cache(maxsize=16)
def any_value(gaps: Gaps, encoding: Encoding) -> nodes.Node:
    """Any JSON value; objects in it are open. A key may come twice: readers take the last, which is as valid."""
    spacing = nodes.Sequence(gaps.inside, gaps.after).digest.hex()
    rule = nodes.Rule(f"any value with {spacing} {encoding}", followed_by=b",]} \n\r\t")
    value = nodes.Reference(rule)
    string = nodes.Sequence(nodes.Literal(b'"'), nodes.StringBody())
    scalars = (
        string,
        number_node(Bounds(), encoding=encoding),
        nodes.Literal(b"true"),
        nodes.Literal(b"false"),
        nodes.Literal(b"null"),
    )
    members = ObjectMembers(ObjectShape((), ((string, value),)), gaps)
    rule.body = nodes.Choice(
        (*scalars, ArrayItems((), (ItemOption(value),), gaps, ItemCounter(0, None)), members)
    )
    return value
