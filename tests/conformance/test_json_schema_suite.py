"""The official test suite of JSON Schema, where a copy is at hand: set AGENTFAST_JSON_SCHEMA_SUITE to its folder."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from agentfast.errors import GrammarError
from bench.conformance import VARIABLE, Own, compiled, find_suite, groups, remotes, tally, total
from tests.property.grammar.test_keywords import respelled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} is not set"),
]


@pytest.mark.parametrize(
    ("draft", "least"),
    [("draft4", 153), ("draft6", 225), ("draft7", 248), ("draft2019-09", 340), ("draft2020-12", 359)],
)
def test_no_verdict_of_the_suite_is_wrong(draft: str, least: int) -> None:
    suite = find_suite(None)
    found = total(asyncio.run(tally(suite, Own(suite), draft)))
    assert found["wrong_accepts"] == found["wrong_rejects"] == 0
    assert found["right"] >= least
    assert found["right"] + found["refused"] == found["groups"]


def test_verdicts_do_not_depend_on_the_spelling() -> None:
    suite = find_suite(None)
    documents = remotes(suite)
    for group in groups(suite):
        if "mul" in group.file or "bignum" in group.name:
            continue  # numbers beyond what can be respelled here
        try:
            grammar = compiled(group, documents)
        except GrammarError:
            continue
        for text, expected in zip(group.texts, group.expected, strict=True):
            assert grammar.accepts(respelled(json.loads(text))) == expected, (group.name, text)
