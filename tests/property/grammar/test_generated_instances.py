"""Instances that `hypothesis-jsonschema` makes up, against `jsonschema`.

What it adds to test_grammar.py and test_keywords.py, whose values are ours and of a small world: somebody else's idea
of what a schema allows. The instances come out of the schema, so most of them are valid and deep inside it, and their
texts and numbers are any at all: all of Unicode, hundreds of digits, exponents. Objects are put together here, since
the package does not make them with the hypothesis of today.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.errors import InvalidArgument
from jsonschema import Draft7Validator
from jsonschema.exceptions import SchemaError

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.keywords import as_list, as_object
from tests.property.grammar.test_grammar import for_python

Schema = dict[str, Any]

# By name, because its types are only half there.
generated: Final[Callable[[Schema], st.SearchStrategy[Any]]] = import_module(
    "hypothesis_jsonschema"
).from_schema
NO_OBJECT: Final = ["null", "boolean", "number", "string", "array"]
PATTERNS: Final = ["^a", "[b-y]", "^[^a]*$", "[0-9]{2}", "é|ü", "^(?:ab|c)+$", "^[a-z]+@[^a]+$"]
ANYTHING: Final = generated({"type": NO_OBJECT, "items": {"type": NO_OBJECT, "items": {"type": "null"}}})
small = st.integers(0, 4)
bounds = st.integers(-1000, 1000) | st.sampled_from([-0.5, 1.25, 1e10, 10**20])


def of_type(name: str, **keywords: st.SearchStrategy[Any]) -> st.SearchStrategy[Schema]:
    return st.fixed_dictionaries({"type": st.just(name)}, optional=keywords)


LEAVES: Final = st.one_of(
    of_type("string", minLength=small, maxLength=small),
    of_type("string", pattern=st.sampled_from(PATTERNS)),
    of_type("string", format=st.sampled_from(["date", "ipv4", "ipv6"])),
    of_type("number", minimum=bounds, exclusiveMaximum=bounds),
    of_type("integer", exclusiveMinimum=bounds, maximum=bounds, multipleOf=st.sampled_from([1, 2, 3, 7])),
    st.lists(st.sampled_from(["", "a", "é\n", 0, 1, 2.5, True, None]), min_size=1, max_size=4, unique_by=repr).map(
        lambda values: {"enum": values}
    ),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": NO_OBJECT}]),
)  # fmt: skip


def around(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    several = st.lists(inner, min_size=1, max_size=2)
    applied = st.one_of(
        *(st.fixed_dictionaries({name: several}) for name in ("allOf", "anyOf", "oneOf")),
    )
    return st.one_of(
        of_type("array", items=inner, minItems=small, maxItems=small),
        of_type("array", items=several, additionalItems=inner, maxItems=small),
        of_type("array", items=inner, contains=inner, maxItems=small),
        applied.map(lambda schema: {"type": NO_OBJECT, **schema}),
    )


@st.composite
def drawn(draw: st.DrawFn, schema: Schema) -> Any:
    """A value of a schema, mostly."""
    try:
        return draw(generated(schema) | ANYTHING)
    except (InvalidArgument, SchemaError):  # the package does not see every contradiction
        assume(False)
        raise


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schema, list[Any]]:
    """A draft 7 schema and values: of the schema, or an object of such."""
    if draw(st.booleans()):
        schema = draw(schemas)
        return schema, draw(st.lists(drawn(schema), min_size=2, max_size=5))
    names = draw(st.lists(generated({"type": "string", "maxLength": 6}), unique=True, min_size=1, max_size=3))
    properties = {name: draw(schemas) for name in names}
    rest = draw(schemas)
    required = draw(st.lists(st.sampled_from(names), unique=True))
    members = {name: drawn(value) for name, value in properties.items()}
    objects = st.fixed_dictionaries({}, optional=members) | st.dictionaries(
        generated({"type": "string"}), drawn(rest), max_size=2
    )
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": rest}
    return schema, draw(st.lists(objects, min_size=2, max_size=5))


schemas = st.recursive(LEAVES, around, max_leaves=4)


def is_text(value: Any) -> bool:
    """Whether UTF-8 carries it: the package makes up lone surrogates, too."""
    items, members = as_list(value), as_object(value)
    if members is not None:
        return all(is_text(part) for pair in members.items() for part in pair)
    if items is not None:
        return all(map(is_text, items))
    return not isinstance(value, str) or not any("\ud800" <= char <= "\udfff" for char in value)


def exact(value: Any) -> Any:
    """The value with large floats as the integers that they are: their shortest texts say others."""
    items, members = as_list(value), as_object(value)
    if members is not None:
        return {name: exact(item) for name, item in members.items()}
    if items is not None:
        return [exact(item) for item in items]
    return int(value) if isinstance(value, float) and abs(value) >= 2**53 else value


@settings(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
)
@given(cases())
def test_generated_instances_are_judged_as_jsonschema_judges_them(case: tuple[Schema, list[Any]]) -> None:
    schema, values = case
    try:
        grammar = compile_schema(
            {"$schema": "http://json-schema.org/draft-07/schema#", **schema}, closed=False
        )
    except UnsupportedSchemaError:
        assume(False)
        raise
    judge = Draft7Validator(for_python(schema), format_checker=Draft7Validator.FORMAT_CHECKER)
    for value in map(exact, values):
        valid = judge.is_valid(value) and is_text(value)
        for ascii_only in (True, False):
            text = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))
            assert grammar.accepts(text) == valid, text
