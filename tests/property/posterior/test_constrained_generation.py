"""Whatever the logits, the schema, the temperature, the canvas and the budget: the text is whole and valid."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.constrained import cases, count, from_logits, from_model
from bench.data.random_model import random_tokenizer
from bench.data.schemas import SCHEMAS


def generate(seed: int) -> None:
    """Assert that each schema's text is whole and valid."""
    assert len(SCHEMAS) >= 50
    vocabulary = random_tokenizer().vocabulary
    tally, failures = count(from_logits(cases(len(SCHEMAS), seed, vocabulary), vocabulary), vocabulary)
    assert failures == []
    assert tally.complete == tally.valid == tally.generations == len(SCHEMAS)
    assert tally.truncated == 0
    assert tally.at_minimum > 0


def test_random_logits_end_in_valid_json() -> None:
    generate(0)


@pytest.mark.slow
@settings(max_examples=6)
@given(st.integers(0, 2**32))
def test_random_logits_of_any_seed_end_in_valid_json(seed: int) -> None:
    generate(seed)


def test_a_random_model_always_ends_in_valid_json() -> None:
    vocabulary = random_tokenizer().vocabulary
    results = asyncio.run(from_model(cases(30, 0, vocabulary), steps=2))
    tally, failures = count(results, vocabulary)
    assert failures == []
    assert tally.valid == 30
