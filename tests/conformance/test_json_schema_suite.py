"""The official test suite of JSON Schema, where a copy is at hand: set AGENTFAST_JSON_SCHEMA_SUITE to its folder."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import compile_schema
from bench.conformance import VARIABLE, find_suite, groups, tally, total, verdicts
from bench.conformance import Group as SuiteGroup
from tests.property.test_keywords import respelled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} is not set"),
]


async def judge(group: SuiteGroup) -> list[bool] | None:
    return verdicts(group)


def test_no_verdict_of_the_suite_is_wrong() -> None:
    found = total(asyncio.run(tally(find_suite(None), judge)))
    assert found["wrong_accepts"] == found["wrong_rejects"] == 0
    assert found["right"] >= 339
    assert found["right"] + found["refused"] == found["groups"]


def test_verdicts_do_not_depend_on_the_spelling() -> None:
    for group in groups(find_suite(None)):
        if "mul" in group.file or "bignum" in group.name:
            continue  # numbers beyond what can be respelled here
        try:
            grammar = compile_schema(group.schema, closed=False, assert_format=False)
        except GrammarError:
            continue
        for text, expected in zip(group.texts, group.expected, strict=True):
            assert grammar.accepts(respelled(json.loads(text))) == expected, (group.name, text)
