"""Pretended devices: speeds, and how requests share one."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.cli.bench.oracle.paces import IndependentDevice, Pace, ProcessorSharing, SharedDevice
from agentfast.errors import ConfigError


def test_tokens_per_second_take_their_time() -> None:
    assert Pace.parse("205").seconds(410) == 2
    assert Pace.parse("1.5e3").seconds(3) == 0.002


def test_canvases_are_paid_for_whole() -> None:
    pace = Pace.parse("8x0.5/32")
    assert [pace.seconds(tokens) for tokens in (1, 32, 33, 64, 65)] == [4, 4, 8, 8, 12]


@pytest.mark.parametrize(
    "text", ["", "fast", "0", "-1", "nan", "inf", "8x0.5", "0x1/8", "8x0/8", "8x1/0", "8 x 1/8"]
)
def test_what_is_no_speed_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is no speed"):
        Pace.parse(text)


JOBS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20)), min_size=1, max_size=8)


@given(JOBS)
def test_sharing_is_what_small_slices_in_turn_come_to(jobs: list[tuple[int, int]]) -> None:
    sharing = ProcessorSharing()
    arrivals = sorted(jobs)
    numbers = [sharing.add(float(arrived), float(work)) for arrived, work in arrivals]
    ended = [sharing.ended(1e6, number) for number in numbers]
    assert ended == [pytest.approx(float(end)) for end in sliced(arrivals)]


def sliced(arrivals: list[tuple[int, int]]) -> list[Fraction]:
    """When jobs end if time goes on from one event to the next, and all under way get equal parts of it."""
    now, left, ends = (
        Fraction(0),
        {i: Fraction(work) for i, (_, work) in enumerate(arrivals)},
        dict[int, Fraction](),
    )
    while left:
        active = [i for i in left if arrivals[i][0] <= now]
        coming = [Fraction(arrivals[i][0]) - now for i in left if arrivals[i][0] > now]
        slices = [*coming, *(left[i] * len(active) for i in active)]
        passed = min(slices)
        now += passed
        for i in active:
            left[i] -= passed / len(active)
            if left[i] == 0:
                ends[i] = now
                del left[i]
    return [ends[i] for i in range(len(arrivals))]


@given(JOBS, st.data())
def test_the_time_left_is_when_the_job_ends_if_no_other_comes(
    jobs: list[tuple[int, int]], data: st.DataObject
) -> None:
    sharing = ProcessorSharing()
    now = 0.0
    for arrived, work in sorted(jobs):
        now = float(arrived)
        sharing.add(now, float(work))
    job = data.draw(st.integers(1, len(jobs)))
    left = sharing.time_left(now, job)
    if left:
        assert sharing.ended(now + 0.999 * left, job) is None
    assert sharing.ended(now + left + 1e-6, job) is not None


def test_a_job_that_is_given_up_leaves_its_share_to_the_others() -> None:
    sharing = ProcessorSharing()
    first, second = sharing.add(0, 4), sharing.add(0, 4)
    sharing.remove(2, first)
    assert sharing.ended(10, second) == 5


async def test_devices_say_what_the_work_took_by_their_own_account() -> None:
    assert await IndependentDevice().work(0.001) == 0.001
    shared = SharedDevice()
    took = await asyncio.gather(*(shared.work(0.002) for _ in range(5)))
    # Each job began a little after the one before it, while that one had the device to itself.
    assert all(0.002 <= seconds <= 0.0101 for seconds in took)
    assert max(took) > 0.0025


async def test_cancelled_work_leaves_a_shared_device() -> None:
    shared = SharedDevice()
    given_up = asyncio.create_task(shared.work(1e6))
    other = asyncio.create_task(shared.work(0.001))
    await asyncio.sleep(0)
    given_up.cancel()
    await asyncio.wait([given_up])
    assert given_up.cancelled()
    assert await other < 1e3
