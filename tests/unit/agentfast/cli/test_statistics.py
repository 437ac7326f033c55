"""Statistics of the commands."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentfast.cli.statistics import percentile


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_a_percentile_is_the_smallest_value_that_enough_values_do_not_exceed(
    values: list[float], percent: float
) -> None:
    enough = [value for value in values if 100 * sum(v <= value for v in values) >= percent * len(values)]
    assert percentile(values, percent) == min(enough)
