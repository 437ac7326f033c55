"""All that the first hour shows but the starts, which compile for minutes: `python -m bench.first_hour` has these too."""

from __future__ import annotations

import pytest

from bench.first_hour import command, examples, histories, losing, raw_inputs, schemas, servers
from bench.first_hour.items import items_of, run_item


@pytest.mark.slow
def test_every_quick_item_of_the_first_hour_is_so() -> None:
    subjects = (losing, histories, raw_inputs, schemas, servers, command, examples)
    outcomes = [run_item(item) for subject in subjects for item in items_of(subject)]
    failed = {outcome.item.title: outcome.seen for outcome in outcomes if outcome.seen is not None}
    assert len(outcomes) > 60
    assert not failed
