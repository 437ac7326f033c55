"""Statistics of the benchmark, against slow and obvious ones."""

from __future__ import annotations

import math
from collections import deque

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentfast.cli.bench.report.statistics import Spread, crossover, paired_ratios, queued_latencies, rounded

SECONDS = st.floats(1e-6, 1e6)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_a_spread_has_half_of_the_values_on_either_side_of_its_median(values: list[float]) -> None:
    spread = Spread.of(values)
    assert (spread.low, spread.high) == (min(values), max(values))
    assert 2 * sum(value <= spread.median for value in values) >= len(values)
    assert 2 * sum(value >= spread.median for value in values) >= len(values)
    assert Spread.of_any(reversed(values)) == spread


def test_there_is_no_spread_of_nothing() -> None:
    assert Spread.of_any([]) is None


@given(st.dictionaries(st.integers(0, 5), SECONDS), st.dictionaries(st.integers(0, 5), SECONDS))
def test_ratios_are_taken_within_a_repeat(above: dict[int, float], below: dict[int, float]) -> None:
    assert paired_ratios(above, below) == [
        above[repeat] / below[repeat] for repeat in range(6) if repeat in above and repeat in below
    ]


@given(st.lists(SECONDS, min_size=1, max_size=6), st.integers(1, 20))
def test_latencies_of_a_server_of_one_are_those_of_its_queue(services: list[float], agents: int) -> None:
    count = len(services)
    latencies = queued_latencies(services, agents)
    simulated = queue(services, agents, agents + count)
    rounding = 1e-12 * sum(services) * (agents + count)  # a short latency is a difference of long times
    for index in range(agents, agents + count):
        assert latencies[index % count] == pytest.approx(simulated[index], rel=1e-9, abs=rounding)


def queue(services: list[float], agents: int, count: int) -> list[float]:
    """Latencies of the first tasks, one agent's next task arriving when its last is done; services come round again."""
    waiting, latencies, now = deque([0.0] * agents), list[float](), 0.0
    for index in range(count):
        arrived = waiting.popleft()
        now += services[index % len(services)]
        latencies.append(now - arrived)
        waiting.append(now)
    return latencies


@given(st.dictionaries(st.integers(1, 64), st.floats(0.01, 100), min_size=1))
def test_the_crossover_lies_after_the_last_win_and_before_the_next_loss(speedups: dict[int, float]) -> None:
    at = crossover(speedups)
    wins = [agents for agents, speedup in speedups.items() if speedup >= 1]
    if max(speedups) in wins:
        assert at is None
    elif not wins:
        assert at == 0
    else:
        assert at is not None
        following = min(agents for agents in speedups if agents > max(wins))
        assert max(wins) <= at * (1 + 1e-9)
        assert at <= following * (1 + 1e-9)


@given(st.integers(1, 50), st.integers(2, 50), st.floats(1, 10), st.floats(0.1, 0.99))
def test_the_crossover_is_exact_on_a_power_law(agents: int, times: int, speedup: float, less: float) -> None:
    more = agents * times
    at = crossover({agents: speedup, more: less})
    assert at is not None
    slope = math.log(less / speedup) / math.log(more / agents)
    assert speedup * (at / agents) ** slope == pytest.approx(1)


@given(st.floats(1e-9, 1e12), st.integers(1, 6))
def test_rounding_keeps_so_many_digits(value: float, digits: int) -> None:
    found = rounded(value, digits)
    assert found is not None
    assert abs(found - value) <= 0.5000001 * 10 ** (math.floor(math.log10(value)) + 1 - digits)
    assume(value >= 1)
    assert rounded(found, digits) == found


def test_nothing_is_rounded_to_nothing() -> None:
    assert rounded(None) is None
