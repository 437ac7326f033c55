"""The executor of tool calls: limits, parallelism, and every failure as a result that the model reads."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import time
from typing import Any
from weakref import WeakKeyDictionary

import pydantic_core

from agentfast.errors import ToolArgumentsError, ToolError, ToolTimeoutError
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.checks import check_integer, check_number, shown
from agentfast.tools.context import RunContext
from agentfast.tools.definition import Tool
from agentfast.tools.registry import ToolRegistry
from agentfast.tools.schema.strict_json import repeated_key
from agentfast.tools.signature import without_links
from agentfast.tools.threads import run_in_thread
from agentfast.tools.unicode import well_formed, well_formed_json

_MAX_ERROR_CHARS = 2000
_MAX_SHOWN_CHARS = 500


class Executor:
    """Runs calls to the tools of one registry. Shared by any number of runs, event loops and threads.

    Async tools run on the event loop. Sync tools run in worker threads, which cannot be stopped: after a
    timeout or a cancellation such a thread is left to finish on its own, and what it returns is dropped. The end of the
    program does not wait for it.
    """

    def __init__(
        self,
        registry: ToolRegistry,
        *,
        timeout: float = 60.0,
        concurrency: int = 64,
        max_result_bytes: int = 1 << 20,
    ) -> None:
        """Set the limits.

        Args:
            registry: the tools.
            timeout: seconds for a call to a tool that sets no timeout of its own; waiting for a slot is not counted.
            concurrency: calls that may run at once on an event loop.
            max_result_bytes: a longer result becomes an error result.

        Raises:
            ConfigError: a limit is not a positive number.
        """
        check_number("timeout", timeout, above=0)
        check_integer("concurrency", concurrency, least=1)
        check_integer("max_result_bytes", max_result_bytes, least=1)
        self.registry = registry
        self._timeout = timeout
        self._concurrency = concurrency
        self._max_result_bytes = max_result_bytes
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, call: ToolCall, context: RunContext[Any] | None = None) -> ToolResult:
        """Run one call, with the run's context for a tool that takes one. Whatever the tool does wrong is in the result, its exception included.

        Cancellation and KeyboardInterrupt are raised. SystemExit and every other exception is the tool's failure: a tool
        does not end the program.
        """
        start, task = time.perf_counter(), asyncio.current_task()
        exception: BaseException | None = None
        try:
            content = self._to_json(await self._call(call, context))
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a tool may raise anything: the model reads it
            if isinstance(error, GeneratorExit) and not _is_running(task):
                raise  # this coroutine is being closed
            exception, content = error, error_content(_describe(error))
        duration_s = time.perf_counter() - start
        return ToolResult(call.id, call.name, content, exception is not None, duration_s, exception)

    async def _call(self, call: ToolCall, context: RunContext[Any] | None) -> Any:
        tool = self.registry[call.name]
        if call.malformed is not None:
            raise ToolArgumentsError(_not_an_object(call.malformed))
        arguments = tool.validate(call.arguments)
        limit = self._timeout if tool.timeout is None else tool.timeout
        if tool.takes_context and context is None:
            context = RunContext(None, tool_name=call.name, call_id=call.id)
        async with self._gate():
            deadline = asyncio.timeout(limit)
            try:
                async with deadline:
                    return await self._invoke(tool, arguments, context)
            except TimeoutError as error:
                if not deadline.expired():
                    raise  # the tool's own
                raise ToolTimeoutError(f"timed out after {limit:g} s") from error

    async def _invoke(
        self, tool: Tool[Any], arguments: dict[str, Any], context: RunContext[Any] | None
    ) -> Any:
        cancellations = _cancellations()
        given = (context,) if tool.takes_context else ()
        try:
            if tool.is_async:
                return await tool.function(*given, **arguments)
            value = await run_in_thread(functools.partial(tool.function, *given, **arguments))
            return await value if inspect.isawaitable(value) else value
        except asyncio.CancelledError as error:
            if context is not None:
                context.cancel()
            if _cancellations() > cancellations:
                raise
            raise ToolError("the tool cancelled itself") from error

    def _gate(self) -> asyncio.Semaphore:
        """The concurrency limit of the running event loop: a semaphore belongs to one loop, an executor to none."""
        loop = asyncio.get_running_loop()
        gate = self._slots.get(loop)
        if gate is None:
            gate = self._slots[loop] = asyncio.Semaphore(self._concurrency)
        return gate

    def _to_json(self, value: object) -> str:
        # NaN and infinity have no JSON form; null is what pydantic writes for them inside models as well.
        try:
            content = pydantic_core.to_json(value, inf_nan_mode="null")
        except (pydantic_core.PydanticSerializationError, ValueError) as error:
            content = _without_surrogates(value, error)
        if (key := repeated_key(content)) is not None:
            raise ToolError(f"the tool returned a dict with two keys that JSON writes as {key!r}")
        if len(content) > self._max_result_bytes:
            raise ToolError(f"the result is too long: {len(content)} bytes, limit {self._max_result_bytes}")
        return content.decode()


def error_content(message: str) -> str:
    """The content of a failed call's result."""
    return pydantic_core.to_json({"error": well_formed(message[:_MAX_ERROR_CHARS])}).decode()


def _cancellations() -> int:
    """Requests to cancel the current task that are under way."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def _is_running(task: asyncio.Task[Any] | None) -> bool:
    """False if the task's coroutine is closed from outside: by the garbage collector, or as its loop is gone."""
    try:
        return task is not None and asyncio.current_task() is task
    except RuntimeError:  # no loop is running
        return False


def _not_an_object(written: str) -> str:
    """The complaint about arguments that a model wrote and that are no JSON object."""
    try:
        value = json.loads(written, strict=False)
        reason = (
            "a number in them is not one of JSON's" if isinstance(value, dict) else "they are another value"
        )
    except (ValueError, RecursionError) as error:
        reason = str(error)
    return f"the arguments are not a JSON object: {reason}; they were: {written[:_MAX_SHOWN_CHARS]}"


def _without_surrogates(value: object, failure: Exception) -> bytes:
    """JSON of a value that was refused, if nothing but lone surrogates was the reason."""
    try:
        # Before as well, for the keys of dicts.
        plain = pydantic_core.to_jsonable_python(well_formed_json(value), inf_nan_mode="null")
        return pydantic_core.to_json(well_formed_json(plain))
    except (pydantic_core.PydanticSerializationError, ValueError, RecursionError):
        raise TypeError(f"the tool returned {shown(value)}, which JSON cannot hold: {failure}") from failure


def _describe(error: BaseException) -> str:
    if isinstance(error, ToolError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"the tool called sys.exit({'' if error.code is None else repr(error.code)})"
    try:
        text = without_links(str(error))
    except Exception:  # noqa: BLE001  (an exception whose text cannot be made is still an exception)
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
