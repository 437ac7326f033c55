"""Conversion of compiled regular expressions and Outlines' terms to grammars."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import reduce
from typing import Any, Final, cast

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.grammar import Grammar
from agentfast.runtime.grammar.schema.compile import compile_schema


def is_outlines_term(value: object) -> bool:
    """Test for one of Outlines' terms, without importing Outlines."""
    return any(
        cls.__module__ == "outlines.types.dsl" and cls.__name__ == "Term" for cls in type(value).__mro__
    )


def as_grammar(value: Any) -> Grammar:
    """A grammar, a compiled regular expression or an Outlines term as a grammar.

    A regular expression is matched as a whole and read as `Grammar.from_regex` reads it. An Outlines term is read
    through `outlines.types.dsl.to_regex`, except for its JSON Schemas, which `compile_schema` reads: Outlines' own
    reading of them leaves keywords out.

    Raises:
        GrammarError: it is none of these, or cannot be a grammar; the message says why.
        UnsupportedSchemaError: a JSON Schema in a term is not enforced.
    """
    if isinstance(value, Grammar):
        return value
    if isinstance(value, re.Pattern):
        return _of_pattern(value)
    if is_outlines_term(value):
        return _of_term(value, importlib.import_module("outlines.types.dsl"))
    raise GrammarError(
        f"{value!r} is not a grammar",
        hint="give a Grammar, a compiled regular expression or an Outlines term",
    )


def schema_of(term: Any) -> Mapping[str, Any] | None:
    """The JSON Schema of an Outlines `JsonSchema` term; None for any other term.

    Raises:
        GrammarError: the term sets its own whitespace, or holds no JSON object.
    """
    if type(term).__name__ != "JsonSchema":
        return None
    if term.whitespace_pattern is not None:
        raise GrammarError("whitespace_pattern of an Outlines JsonSchema is not supported")
    try:
        schema: object = json.loads(term.schema)
    except ValueError as error:
        raise GrammarError(f"the JsonSchema term holds no JSON: {error}") from error
    if not isinstance(schema, dict):
        raise GrammarError(f"the JsonSchema term holds {schema!r}, which is not an object")
    return cast("dict[str, Any]", schema)


def choices_of(term: Any) -> dict[str, Any] | None:
    """The texts of an Outlines `Choice` of plain values, each with its value; None for any other term."""
    if type(term).__name__ != "Choice" or not all(isinstance(item, (str, int, float)) for item in term.items):
        return None
    return {str(item): item for item in term.items}


def _of_pattern(pattern: Any) -> Grammar:
    if not isinstance(pattern.pattern, str):
        raise GrammarError("a regular expression over bytes is not a grammar", hint="write it over str")
    if flags := pattern.flags & ~(re.UNICODE | re.ASCII):
        names = " and ".join(flag.name or "" for flag in re.RegexFlag(flags))
        raise GrammarError(f"the flag {names} is not read", hint="write the pattern without flags")
    return Grammar.from_regex(pattern.pattern)


_COUNTS: Final[dict[str, Callable[[Any], tuple[int, int | None]]]] = {
    "Optional": lambda _: (0, 1),
    "KleeneStar": lambda _: (0, None),
    "KleenePlus": lambda _: (1, None),
    "QuantifyExact": lambda term: (term.count, term.count),
    "QuantifyMinimum": lambda term: (term.min_count, None),
    "QuantifyMaximum": lambda term: (0, term.max_count),
    "QuantifyBetween": lambda term: (term.min_count, term.max_count),
}
"""Bounds of Outlines' quantifiers, by class name."""


def _of_term(term: Any, dsl: Any) -> Grammar:
    if not _holds_schema(term, dsl):
        return Grammar.from_regex(_regex_of(term, dsl))
    if (schema := schema_of(term)) is not None:
        return compile_schema(schema)
    if type(term).__name__ in _COUNTS:
        return _of_term(term.term, dsl).repeat(*_COUNTS[type(term).__name__](term))
    match type(term).__name__:
        case "Sequence":
            return reduce(Grammar.__add__, _each(term.terms, dsl))
        case "Alternatives":
            return reduce(Grammar.__or__, _each(term.terms, dsl))
        case "Choice":
            return reduce(Grammar.__or__, _each(map(dsl.python_types_to_terms, term.items), dsl))
        case name:
            raise GrammarError(f"an Outlines term of type {name} with a JSON Schema in it is not supported")


def _each(terms: Iterable[Any], dsl: Any) -> Iterator[Grammar]:
    return (_of_term(term, dsl) for term in terms)


def _holds_schema(term: Any, dsl: Any) -> bool:
    if type(term).__name__ == "JsonSchema":
        return True
    parts = [*getattr(term, "terms", ()), *([term.term] if hasattr(term, "term") else [])]
    parts += map(dsl.python_types_to_terms, getattr(term, "items", ()))
    return any(_holds_schema(part, dsl) for part in parts)


def _regex_of(term: Any, dsl: Any) -> str:
    try:
        return str(dsl.to_regex(term))
    except TypeError as error:
        raise GrammarError(f"{type(term).__name__} is not regular: {error}") from error
