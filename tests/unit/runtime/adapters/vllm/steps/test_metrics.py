"""Time per constrained row and step."""

from __future__ import annotations

import pytest

from agentfast.runtime.adapters.vllm.steps.metrics import StepMetrics


def test_the_mean_is_over_rows() -> None:
    metrics = StepMetrics()
    assert metrics.milliseconds_per_row_step == 0
    metrics.add(3, 0.006)
    metrics.add(1, 0.006)
    assert metrics.milliseconds_per_row_step == pytest.approx(3.0)


def test_lines_come_at_intervals_and_tell_of_the_time_since_the_last() -> None:
    said: list[str] = []
    metrics = StepMetrics(said.append, interval=0.0)
    metrics.add(2, 0.004)
    metrics.add(4, 0.004)
    metrics.add(0, 1.0)
    assert said == [
        "agentfast: 2 steps of constrained rows, 2.0 ms each; 0 rows failed so far",
        "agentfast: 4 steps of constrained rows, 1.0 ms each; 0 rows failed so far",
    ]


def test_within_an_interval_nothing_is_said() -> None:
    said: list[str] = []
    StepMetrics(said.append, interval=3600.0).add(2, 0.004)
    assert not said
