"""Values of a field look alike, and yet differ."""

from __future__ import annotations

import random

import pytest

from agentfast.nano.shop.splits import split_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.invented.fields import KINDS, draw_column, draw_field


@pytest.mark.parametrize("kind", KINDS)
def test_values_of_a_column_differ_and_belong_to_the_split(kind: str) -> None:
    values = Values(random.Random(1), "train")
    field = draw_field(values, set(), kind=kind)
    for _ in range(100):
        column = draw_column(field, 4, values)
        assert len(set(column)) == 4
        if kind in ("date", "time"):
            assert {split_of(value) for value in column} == {"train"}
        if kind in ("int", "num"):
            assert all(value < 100 or split_of(str(value)) == "train" for value in column)
