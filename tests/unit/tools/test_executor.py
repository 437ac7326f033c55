"""The executor: results, limits, and every kind of misbehaving tool."""

from __future__ import annotations

import asyncio
import copy
import datetime
import json
import pickle
import sys
import threading
from collections.abc import Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from agentfast.errors import ConfigError, ToolError
from agentfast.tools import Executor, Tool, ToolCall, ToolRegistry, ToolResult, tool
from agentfast.tools.context import RunContext

BOUND_S = 10


class Order(BaseModel):
    id: int
    placed: datetime.date
    weight: float = 1.0


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def execute(function: Callable[..., Any], arguments: Any = None, **limits: Any) -> ToolResult:
    made: Tool[Any] = tool(function, name="act")

    async def main() -> ToolResult:
        executor = Executor(ToolRegistry([made]), **limits)
        async with asyncio.timeout(BOUND_S):
            return await executor.run(ToolCall("act", {} if arguments is None else arguments, "c1"))

    return asyncio.run(main())


def error_of(result: ToolResult) -> str:
    assert result.is_error
    return str(json.loads(result.content)["error"])


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Blocks a worker thread until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_result_is_compact_json_with_the_calls_id_and_name() -> None:
    def act(number: int) -> Order:
        return Order(id=number, placed=datetime.date(2025, 1, 2))

    result = execute(act, {"number": 7})
    assert result.content == '{"id":7,"placed":"2025-01-02","weight":1.0}'
    assert (result.call_id, result.name, result.is_error) == ("c1", "act", False)
    assert result.duration_s >= 0


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (None, "null"),
        ("hé\n", '"hé\\n"'),
        ([1, 2.5, True], "[1,2.5,true]"),
        (float("nan"), "null"),
        ({"a": (1, {2})}, '{"a":[1,[2]]}'),
    ],
)
def test_plain_values_are_plain_json(value: object, content: str) -> None:
    async def act() -> object:
        return value

    assert execute(act).content == content


def test_a_sync_tool_runs_off_the_event_loops_thread_and_an_async_one_on_it() -> None:
    def act() -> bool:
        return threading.current_thread() is threading.main_thread()

    async def act_async() -> bool:
        return threading.current_thread() is threading.main_thread()

    assert execute(act).content == "false"
    assert execute(act_async).content == "true"


def test_a_sync_tool_may_return_an_awaitable() -> None:
    async def later() -> int:
        return 3

    def act() -> Awaitable[int]:
        return later()

    assert execute(act).content == "3"


def raises(error: BaseException) -> Callable[[], None]:
    def act() -> None:
        raise error

    return act


def raises_async(error: BaseException) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        raise error

    return act


@pytest.mark.parametrize("make", [raises, raises_async])
@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no such order"), "ValueError: no such order"),
        (KeyError("x"), "KeyError: 'x'"),
        (UnspeakableError(), "UnspeakableError"),
        (TimeoutError("the shop did not answer"), "TimeoutError: the shop did not answer"),
        (SystemExit(1), "the tool called sys.exit(1)"),
        (StopIteration(), "RuntimeError"),
        (ExceptionGroup("several", [ValueError("a")]), "several"),
        (ValueError("\ud800"), "ValueError: \ufffd"),
        (asyncio.CancelledError(), "cancelled itself"),
    ],
)
def test_what_a_tool_raises_becomes_an_error_the_model_reads(
    make: Callable[[BaseException], Callable[..., Any]], error: BaseException, text: str
) -> None:
    assert text in error_of(execute(make(error)))


def test_a_very_long_error_is_cut() -> None:
    assert len(error_of(execute(raises(ValueError("x" * 100_000))))) <= 2000


def circular() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


@pytest.mark.parametrize("garbage", [object(), circular(), b"\xff", sys, lambda: None])
def test_a_result_that_json_cannot_hold_is_an_error(garbage: object) -> None:
    async def act() -> object:
        return garbage

    assert error_of(execute(act))


def test_lone_surrogates_in_a_result_are_replaced() -> None:
    def act() -> Any:
        return {"a\ud83d": ["\ud83d\ude00", datetime.date(2025, 1, 2)]}

    assert execute(act).content == '{"a\ufffd":["\U0001f600","2025-01-02"]}'


def test_the_exception_of_a_failed_call_is_kept_but_not_copied_or_compared() -> None:
    error = UnspeakableError()
    result = execute(raises(error))
    assert result.exception is error
    assert error.__traceback__ is not None
    for again in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert again == result
        assert again.exception is None
    assert "exception" not in repr(result)
    assert execute(lambda_like).exception is None


def lambda_like() -> int:
    return 1


def test_a_value_that_json_cannot_hold_is_named() -> None:
    async def act() -> object:
        return object()

    assert "the tool returned <object object" in error_of(execute(act))


async def test_a_tools_own_cancellation_is_no_cancellation_of_a_run_that_survived_one() -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(
            0
        )  # and nobody calls task.uncancel(), as code that swallows a cancellation forgets to
    result = await Executor(ToolRegistry([tool(raises_async(asyncio.CancelledError()), name="act")])).run(
        ToolCall("act", {})
    )
    task.uncancel()
    assert "cancelled itself" in error_of(result)


def test_a_result_that_is_too_long_is_cut_with_a_marker() -> None:
    async def act() -> str:
        return "é" * 1000

    result = execute(act, max_result_bytes=200)
    marked = json.loads(result.content)
    assert not result.is_error
    assert (marked["truncated"], marked["of_bytes"]) == (True, 2002)
    assert marked["beginning"].strip("é") == ""
    assert 198 < len(result.content.encode()) <= 200


def test_a_tools_own_limits_are_used_before_the_executors() -> None:
    made = tool(lambda_like, name="act", max_result_bytes=100)

    async def main() -> ToolResult:
        return await Executor(ToolRegistry([made]), max_result_bytes=1 << 20).run(ToolCall("act", {}))

    assert asyncio.run(main()).content == "1"
    long = tool(long_list, name="act", max_result_bytes=100)

    async def cut() -> ToolResult:
        return await Executor(ToolRegistry([long])).run(ToolCall("act", {}))

    marked = json.loads(asyncio.run(cut()).content)
    assert marked["of_bytes"] == 2001
    assert marked["beginning"].startswith("[1,1,1")


def long_list() -> list[int]:
    return [1] * 1000


async def test_no_more_calls_of_a_tool_run_at_once_than_it_allows_and_others_go_on() -> None:
    running, most, waiting = 0, 0, asyncio.Event()

    @tool(concurrency=2)
    async def act() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await waiting.wait()
        running -= 1

    async def other() -> int:
        return 1

    executor = Executor(ToolRegistry([act, other]), concurrency=3)
    async with asyncio.timeout(BOUND_S), asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(executor.run(ToolCall("act", {})))
        await asyncio.sleep(0)
        assert (await executor.run(ToolCall("other", {}))).content == "1"
        waiting.set()
    assert most == 2


@pytest.mark.parametrize("stop", ["timeout", "cancel"])
async def test_a_sync_tool_learns_that_nobody_waits_for_it(stop: str) -> None:
    loop, started, ended = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

    def act(context: RunContext[None]) -> None:
        loop.call_soon_threadsafe(started.set)
        try:
            while True:
                context.check_cancelled()
        finally:
            loop.call_soon_threadsafe(ended.set)

    executor = Executor(ToolRegistry([tool(act)]), timeout=0.05 if stop == "timeout" else BOUND_S)
    async with asyncio.timeout(BOUND_S):
        task = asyncio.create_task(executor.run(ToolCall("act", {})))
        await started.wait()
        if stop == "cancel":
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        else:
            assert "timed out" in error_of(await task)
        await ended.wait()


def test_an_unknown_tool_and_bad_arguments_are_errors_that_help() -> None:
    async def act(number: int) -> int:
        return number

    assert "number: Input should be a valid integer" in error_of(execute(act, {"number": "1"}))
    assert "Field required" in error_of(execute(act, {}))
    assert "object" in error_of(execute(act, [1]))

    async def main() -> ToolResult:
        return await Executor(ToolRegistry([act])).run(ToolCall("atc", {}))

    assert "did you mean act?" in error_of(asyncio.run(main()))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{"number":1,}', "double quotes"),
        ('{"number":"one\ntwo"', "Expecting ',' delimiter"),
        ("[1]", "another value; they were: [1]"),
        ('{"number":NaN}', "a number in them is not one of JSON's"),
        ("[" * 10_000, "recursion"),
        ('{"\ud83d', "Unterminated"),
    ],
    ids=lambda value: value[:20],
)
def test_a_call_without_an_object_of_arguments_is_not_run(written: str, said: str) -> None:
    async def main() -> ToolResult:
        return await Executor(ToolRegistry([unreachable])).run(ToolCall("unreachable", {}, malformed=written))

    error = error_of(asyncio.run(main()))
    assert error.startswith("the arguments are not a JSON object: ")
    assert said in error


def unreachable() -> None:
    """Fails."""
    raise AssertionError("a malformed call was run")


def test_a_hanging_async_tool_is_stopped_at_its_timeout() -> None:
    stopped: list[bool] = []

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    assert error_of(execute(act, timeout=0.01)) == "timed out after 0.01 s"
    assert stopped == [True]


def test_a_hanging_sync_tool_is_left_behind_at_its_timeout(gate: threading.Event) -> None:
    def act() -> None:
        gate.wait(BOUND_S)

    async def main() -> ToolResult:
        executor = Executor(ToolRegistry([tool(act, timeout=0.01)]))
        return await executor.run(ToolCall("act", {}))

    try:
        assert "timed out" in error_of(asyncio.run(main()))
    finally:
        gate.set()


async def test_cancelling_the_caller_cancels_an_async_tool() -> None:
    started, stopped = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    task = asyncio.create_task(Executor(ToolRegistry([act])).run(ToolCall("act", {})))
    async with asyncio.timeout(BOUND_S):
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert stopped.is_set()


async def test_cancelling_the_caller_leaves_a_sync_tool_behind_at_once(gate: threading.Event) -> None:
    loop, started = asyncio.get_running_loop(), asyncio.Event()

    def act() -> None:
        loop.call_soon_threadsafe(started.set)
        gate.wait(BOUND_S)

    task = asyncio.create_task(Executor(ToolRegistry([act])).run(ToolCall("act", {})))
    async with asyncio.timeout(BOUND_S):
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not gate.is_set()


async def test_no_more_calls_run_at_once_than_allowed() -> None:
    running, most = 0, 0

    async def act() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    executor = Executor(ToolRegistry([act]), concurrency=3)
    results = await asyncio.gather(*(executor.run(ToolCall("act", {}, str(i))) for i in range(20)))
    assert most == 3
    assert [result.call_id for result in results] == [str(i) for i in range(20)]


def test_one_executor_serves_several_event_loops() -> None:
    async def act() -> int:
        await asyncio.sleep(0)
        return 1

    executor = Executor(ToolRegistry([act]), concurrency=1)

    async def main() -> list[str]:
        calls = (executor.run(ToolCall("act", {})) for _ in range(3))
        return [result.content for result in await asyncio.gather(*calls)]

    assert asyncio.run(main()) == asyncio.run(main()) == ["1", "1", "1"]


@pytest.mark.parametrize(
    "limits", [{"timeout": 0}, {"concurrency": 0}, {"max_result_bytes": -1}, {"max_result_bytes": 99}]
)
def test_limits_must_be_positive(limits: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Executor(ToolRegistry(), **limits)


@pytest.mark.parametrize(
    "result",
    [
        {"1": 0, 1: 9},
        {"rows": [{"a": 1}, {datetime.date(2025, 1, 2): 1, "2025-01-02": 2}]},
        {"None": 0, None: 1, "inner": {"deep": [1.5e300, "é"]}},
    ],
)
def test_a_result_with_two_keys_that_json_writes_alike_is_an_error(result: object) -> None:
    def act() -> Any:
        return result

    failed = execute(act)
    assert isinstance(failed.exception, ToolError)
    assert "two keys that JSON writes as" in error_of(failed)


@pytest.mark.parametrize("result", [{"1": {"1": 0}, 2: {"1": 9}}, [{"a": 1}, {"a": 2}], '{"a":1,"a":2}'])
def test_a_result_whose_keys_come_once_in_each_object_is_none(result: object) -> None:
    def act() -> Any:
        return result

    assert not execute(act).is_error


class OwnExit(BaseException):
    pass


@pytest.mark.parametrize("error", [GeneratorExit(), OwnExit("gone"), BaseExceptionGroup("both", [OwnExit()])])
def test_an_exception_that_is_no_plain_one_is_the_tools_failure_too(error: BaseException) -> None:
    for act in (raises(error), raises_async(error)):
        failed = execute(act)
        assert failed.exception is not None
        assert error in (failed.exception, failed.exception.__cause__)
        assert type(error).__name__ in error_of(failed)


async def test_a_call_that_is_closed_from_outside_ends() -> None:
    class Never:
        def __await__(self) -> Generator[None, None, None]:
            while True:
                yield

    stopped: list[bool] = []

    async def act() -> None:
        try:
            await Never()
        finally:
            stopped.append(True)

    async def run_twice() -> None:
        executor = Executor(ToolRegistry([act]))
        for _ in range(2):
            await executor.run(ToolCall("act", {}))

    loop = asyncio.get_running_loop()
    task = loop.create_task(run_twice())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    coroutine = task.get_coro()
    assert coroutine is not None
    coroutine.close()
    assert stopped == [True]
    task.cancel()
    with pytest.raises((asyncio.CancelledError, RuntimeError)):
        await task


def test_a_validation_error_of_a_tools_own_is_told_without_pages_of_pydantics() -> None:
    def act() -> None:
        Order.model_validate({"placed": "soon"})

    told = error_of(execute(act))
    assert "id\n  Field required" in told
    assert "http" not in told
