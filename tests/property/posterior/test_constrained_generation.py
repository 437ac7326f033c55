"""Whatever the logits, the schema, the temperature, the canvas and the budget: the text is whole and valid."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bench.constrained import cases, count, from_logits, from_model
from bench.data.random_model import random_tokenizer
from bench.data.schemas import SCHEMAS

VOCABULARY = random_tokenizer().vocabulary


@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_random_logits_always_end_in_valid_json(seed: int) -> None:
    assert len(SCHEMAS) >= 50
    tally, failures = count(from_logits(cases(2 * len(SCHEMAS), seed, VOCABULARY), VOCABULARY), VOCABULARY)
    assert failures == []
    assert tally.complete == tally.valid == tally.generations == 2 * len(SCHEMAS)
    assert tally.truncated == 0
    assert tally.at_minimum > 0


def test_a_random_model_always_ends_in_valid_json() -> None:
    results = asyncio.run(from_model(cases(30, 0, VOCABULARY), steps=2))
    tally, failures = count(results, VOCABULARY)
    assert failures == []
    assert tally.valid == 30
