"""The executor of tool calls: limits, parallelism, and every failure as a result that the model reads."""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import time
from typing import Any

import pydantic_core

from agentfast.errors import ToolArgumentsError, ToolError
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.checks import check_integer, check_number
from agentfast.tools.context import RunContext
from agentfast.tools.declaration.signature import without_links
from agentfast.tools.definition import Tool
from agentfast.tools.execution.deadline import Deadline
from agentfast.tools.execution.results import LEAST_RESULT_BYTES, result_json
from agentfast.tools.execution.slots import Slots
from agentfast.tools.execution.threads import run_in_thread
from agentfast.tools.registry import ToolRegistry
from agentfast.tools.unicode import well_formed

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
        max_result_bytes: int = 1 << 16,
    ) -> None:
        """Set the limits.

        Args:
            registry: the tools.
            timeout: seconds for a call to a tool that sets no timeout of its own; waiting for a slot is not counted.
            concurrency: calls that may run at once on an event loop; a tool may have a smaller limit of its own.
            max_result_bytes: a longer result is cut, with a marker; at least 100. A tool may set its own.

        Raises:
            ConfigError: a limit is not a positive number, or too small.
        """
        check_number("timeout", timeout, above=0)
        check_integer("concurrency", concurrency, least=1)
        check_integer("max_result_bytes", max_result_bytes, least=LEAST_RESULT_BYTES)
        self.registry = registry
        self._timeout = timeout
        self._max_result_bytes = max_result_bytes
        self._slots = Slots(concurrency)
        self._own_slots = {
            tool.name: Slots(tool.concurrency) for tool in registry if tool.concurrency is not None
        }

    async def run(self, call: ToolCall, context: RunContext[Any] | None = None) -> ToolResult:
        """Run one call, with the run's context for a tool that takes one.

        Whatever the tool does wrong is in the result, its exception included.
        Cancellation and KeyboardInterrupt are raised. SystemExit and every other exception is the tool's failure: a tool
        does not end the program.
        """
        start, task = time.perf_counter(), asyncio.current_task()
        exception: BaseException | None = None
        try:
            content = await self._call(call, context)
        except (asyncio.CancelledError, KeyboardInterrupt):
            raise
        except BaseException as error:  # a tool may raise anything: the model reads it
            if isinstance(error, GeneratorExit) and not _is_running(task):
                raise  # this coroutine is being closed
            exception, content = error, error_content(_describe(error))
        duration_s = time.perf_counter() - start
        return ToolResult(call.id, call.name, content, exception is not None, duration_s, exception)

    async def _call(self, call: ToolCall, context: RunContext[Any] | None) -> str:
        tool = self.registry[call.name]
        if call.malformed is not None:
            raise ToolArgumentsError(_not_an_object(call.malformed))
        arguments = tool.validate(call.arguments)
        limit = self._timeout if tool.timeout is None else tool.timeout
        if tool.takes_context and context is None:
            context = RunContext(None, tool_name=call.name, call_id=call.id)
        own = self._own_slots.get(tool.name)
        if own is None:
            value = await self._invoke(tool, limit, arguments, context)
        else:
            async with own.here():  # first, so that a call that waits here holds none of the executor's
                value = await self._invoke(tool, limit, arguments, context)
        return result_json(value, tool.max_result_bytes or self._max_result_bytes)

    async def _invoke(
        self, tool: Tool[Any], limit: float, arguments: dict[str, Any], context: RunContext[Any] | None
    ) -> Any:
        """Call the tool within the limits of calls at once and of time."""
        given = (context,) if tool.takes_context else ()
        async with self._slots.here():
            with Deadline(limit) as deadline:
                try:
                    if tool.is_async:
                        return await tool.function(*given, **arguments)
                    value = await run_in_thread(functools.partial(tool.function, *given, **arguments))
                    return await value if inspect.isawaitable(value) else value
                except asyncio.CancelledError as error:
                    if context is not None:
                        context.cancel()
                    if deadline.is_cancelled():
                        raise
                    raise ToolError("the tool cancelled itself") from error


def error_content(message: str) -> str:
    """The content of a failed call's result."""
    return pydantic_core.to_json({"error": well_formed(message[:_MAX_ERROR_CHARS])}).decode()


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
