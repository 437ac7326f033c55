"""Worker threads of sync functions: what they hand over, and that nobody has to wait for them."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading

import pytest

from agentfast.tools.execution.threads import run_in_thread

WORD: contextvars.ContextVar[str] = contextvars.ContextVar("WORD", default="none")


async def test_a_function_runs_in_another_thread_with_the_callers_context() -> None:
    WORD.set("mine")
    thread, word = await run_in_thread(lambda: (threading.current_thread(), WORD.get()))
    assert thread is not threading.current_thread()
    assert word == "mine"


async def test_calls_in_a_row_share_a_thread() -> None:
    first = await run_in_thread(threading.get_ident)
    assert await run_in_thread(threading.get_ident) == first


async def test_calls_at_once_have_a_thread_each() -> None:
    barrier = threading.Barrier(20, timeout=30)
    places = await asyncio.gather(*(run_in_thread(barrier.wait) for _ in range(20)))
    assert sorted(places) == list(range(20))


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), asyncio.CancelledError()])
async def test_what_a_function_raises_is_raised(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)):
        await run_in_thread(fail)


async def test_a_stop_iteration_is_an_error_that_a_future_can_hold() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run_in_thread(lambda: next(iter(())))


async def test_a_cancelled_caller_goes_on_at_once_and_the_thread_is_a_daemon() -> None:
    gate, started = threading.Event(), threading.Event()
    found: list[bool] = []

    def wait() -> None:
        found.append(threading.current_thread().daemon)
        started.set()
        gate.wait(30)

    task = asyncio.create_task(run_in_thread(wait))
    await run_in_thread(lambda: started.wait(30))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not gate.is_set()
    gate.set()
    assert found == [True]


def test_a_loop_that_is_gone_is_no_error() -> None:
    gate, ended = threading.Event(), threading.Event()

    def wait() -> None:
        gate.wait(30)
        ended.set()

    async def leave() -> None:
        task = asyncio.create_task(run_in_thread(wait))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave())
    gate.set()
    assert ended.wait(30)
    assert asyncio.run(run_in_thread(lambda: 7)) == 7


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own() -> None:
    assert asyncio.run(run_in_thread(lambda: 1)) == 1  # leaves an idle thread behind, which a child has not
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = asyncio.run(asyncio.wait_for(run_in_thread(lambda: 0), 30))
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
