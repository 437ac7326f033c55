"""Structural tags as grammars."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.requests.structural_tag import tag_grammar

SPECIAL = ("<|call>", "<call|>", '<|"|>')
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
JSON: dict[str, Any] = {"type": "json_schema", "json_schema": SCHEMA}
TAG: dict[str, Any] = {"type": "tag", "begin": "<f>", "content": JSON, "end": "</f>"}
TEXT: dict[str, Any] = {"type": "any_text"}


@pytest.mark.parametrize(
    ("tag", "good", "bad"),
    [
        ({"type": "const_string", "value": "ab"}, ["ab"], ["a", ""]),
        (JSON, ['{"n":1}', '{"n": 1}'], ['{"n":"1"}']),
        (JSON | {"max_whitespace_cnt": 0}, ['{"n":1}'], ['{"n": 1}']),
        ({"type": "regex", "pattern": "a+"}, ["aa"], ["b"]),
        ({"type": "any_text", "excludes": ["ab", "c."]}, ["a b cx"], ["xabx", "c."]),
        ({"type": "any_text", "max_chars": 2}, ["", "ab"], ["abc"]),
        (
            {"type": "sequence", "elements": [TAG, {"type": "const_string", "value": "!"}]},
            ['<f>{"n":1}</f>!'],
            ["!"],
        ),
        ({"type": "or", "elements": [TAG, {"type": "regex", "pattern": "x"}]}, ["x", '<f>{"n":1}</f>'], [""]),
        ({"type": "optional", "content": TAG}, ["", '<f>{"n":1}</f>'], ["<f>"]),
        ({"type": "plus", "content": {"type": "const_string", "value": "a"}}, ["a", "aa"], [""]),
        ({"type": "star", "content": {"type": "const_string", "value": "a"}}, ["", "aa"], ["b"]),
        (
            {"type": "repeat", "min": 1, "max": 2, "content": {"type": "const_string", "value": "a"}},
            ["aa"],
            ["", "aaa"],
        ),
        ({"type": "tag", "begin": "<", "content": TEXT, "end": [">", "/"]}, ["<x>", "<x/"], ["<x", "<x>y>"]),
        (
            {"type": "triggered_tags", "triggers": ["<f"], "tags": [TAG]},
            ["free", 'a<f>{"n":1}</f>b<f>{"n":2}</f>'],
            ["<f>", '<f>{"n":"x"}</f>'],
        ),
        (
            {
                "type": "triggered_tags",
                "triggers": ["<f"],
                "tags": [TAG],
                "at_least_one": True,
                "stop_after_first": True,
            },
            ['a<f>{"n":1}</f>'],
            ["a", '<f>{"n":1}</f>b'],
        ),
        (
            {"type": "tags_with_separator", "tags": [TAG], "separator": ",", "at_least_one": True},
            ['<f>{"n":1}</f>', '<f>{"n":1}</f>,<f>{"n":2}</f>'],
            ["", '<f>{"n":1}</f><f>{"n":2}</f>'],
        ),
    ],
)
def test_each_format_is_its_language(tag: dict[str, Any], good: list[str], bad: list[str]) -> None:
    grammar = tag_grammar({"type": "structural_tag", "format": tag}, SPECIAL)
    assert [text for text in good if not grammar.accepts(text)] == []
    assert [text for text in bad if grammar.accepts(text)] == []


def test_the_older_structures_are_triggered_tags() -> None:
    structures = [{"begin": "<f>", "schema": SCHEMA, "end": "</f>"}]
    grammar = tag_grammar({"structures": structures, "triggers": ["<f>"]}, SPECIAL)
    assert grammar.accepts('so <f>{"n":1}</f> it is')
    assert not grammar.accepts("<f>{}</f>")


def test_names_of_special_tokens_are_these_tokens() -> None:
    native = {
        "type": "tag",
        "begin": "<|call>call:f",
        "content": JSON | {"style": "gemma"},
        "end": {"type": "token", "token": "<call|>"},
    }
    assert tag_grammar({"format": native}, SPECIAL).specials == {*SPECIAL}
    assert not tag_grammar({"format": TAG}, SPECIAL).specials


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (
            {"format": {"type": "grammar", "grammar": "root ::= x"}},
            "the format 'grammar' of a structural tag",
        ),
        ({"format": JSON | {"style": "qwen_xml"}}, "the style 'qwen_xml'"),
        ({"format": {"type": "any_text", "max_tokens": 5}}, "'max_tokens' of the format 'any_text'"),
        ({"format": {"type": "token", "token": "<x>"}}, "'<x>' is no special token"),
        ({"format": {"type": "or", "elements": []}}, "empty list of options"),
        ({"format": {"type": "tag", "begin": "<"}}, "the structural tag is malformed"),
        ({}, "the structural tag is malformed"),
    ],
)
def test_what_is_not_served_is_refused_by_name(tag: dict[str, Any], message: str) -> None:
    with pytest.raises(GrammarError) as error:
        tag_grammar(tag, SPECIAL)
    assert message in str(error.value)
