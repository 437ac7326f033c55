"""The thread that comes and goes."""

from __future__ import annotations

import threading

from agentfast.runtime.engine.step_thread import StepThread


def died(error: BaseException) -> None:
    raise AssertionError from error


def named(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == name]


async def test_turns_run_until_there_is_nothing_to_do_and_stop_ends_the_thread() -> None:
    left = [3]

    def turn() -> bool:
        left[0] -= 1
        return left[0] > 0

    thread = StepThread("worker-a", turn, lambda: None, died)
    thread.wake()
    await thread.stop()
    assert left == [0]
    assert named("worker-a") == []


async def test_a_worker_that_was_never_woken_has_no_thread_to_stop() -> None:
    thread = StepThread("worker-b", lambda: False, lambda: None, died)
    await thread.stop()
    assert named("worker-b") == []


def test_an_idle_thread_goes_away_and_comes_back_when_woken() -> None:
    turned = threading.Event()

    def turn() -> bool:
        turned.set()
        return False

    thread = StepThread("worker-c", turn, lambda: None, died, linger_s=0.001)
    for _ in range(2):
        thread.wake()
        threads = named("worker-c")
        assert turned.wait(10)
        turned.clear()
        for begun in threads:
            begun.join(10)
        assert named("worker-c") == []


async def test_a_thread_that_dies_says_of_what_and_is_never_started_again() -> None:
    causes: list[BaseException] = []

    def turn() -> bool:
        raise SystemExit(3)

    thread = StepThread("worker-d", turn, lambda: None, causes.append)
    thread.wake()
    await thread.stop()
    thread.wake()
    await thread.stop()
    assert [type(cause) for cause in causes] == [SystemExit]
    assert named("worker-d") == []
