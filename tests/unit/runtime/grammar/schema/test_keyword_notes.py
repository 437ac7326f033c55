"""The table of keywords: complete, and each example does what it says."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema import keywords
from agentfast.runtime.grammar.schema.keyword_notes import KEYWORD_NOTES, keywords_used
from agentfast.runtime.grammar.schema.walk import subschemas

VOCABULARY = Vocabulary.byte_level()
REFUSED = [
    (keyword, support.example) for keyword, support in KEYWORD_NOTES.items() if support.example is not None
]


def test_every_keyword_that_is_read_is_in_the_table() -> None:
    assert KEYWORD_NOTES.keys() >= keywords.ASSERTIONS | keywords.APPLICATORS
    assert not KEYWORD_NOTES.keys() & keywords.ANNOTATIONS


def test_what_is_refused_in_part_has_an_example_and_a_rewriting() -> None:
    for keyword, support in KEYWORD_NOTES.items():
        assert support.reading or support.refused, keyword
        assert bool(support.refused) == bool(support.instead) == (support.example is not None), keyword


@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize(("keyword", "example"), REFUSED)
def test_the_first_example_is_refused_and_the_second_compiles(
    keyword: str, example: tuple[Any, Any], closed: bool
) -> None:
    refused, instead = example
    with pytest.raises(UnsupportedSchemaError) as caught:
        compile_schema(refused, closed=closed)
    assert caught.value.keyword == keyword or {caught.value.keyword, keyword} <= {
        "contains",
        "minContains",
        "maxContains",
    }
    compile_schema(instead, closed=closed, vocabulary=VOCABULARY)


def test_subschemas_are_found_at_their_pointers_and_not_in_values() -> None:
    schema = {
        "properties": {"pattern": {"items": [{"enum": [{"const": 1}]}]}, "a/b": {"not": {"minimum": 1}}},
        "anyOf": [True, {"$defs": {"x": {"maximum": 2}}}],
    }
    assert [path for path, _ in subschemas(schema)] == [
        "",
        "/properties/pattern",
        "/properties/pattern/items/0",
        "/properties/a~1b",
        "/properties/a~1b/not",
        "/anyOf/1",
        "/anyOf/1/$defs/x",
    ]
    assert keywords_used(schema) == ["enum", "properties", "items", "minimum", "maximum", "anyOf", "not"]
