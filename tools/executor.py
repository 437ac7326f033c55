"""The executor of tool calls: limits, parallelism, and every failure as a result that the model reads."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from typing import Any
from weakref import WeakKeyDictionary

import pydantic_core

from agentfast.errors import ConfigError, ToolError, ToolTimeoutError
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.definition import Tool
from agentfast.tools.registry import ToolRegistry
from agentfast.tools.threads import run_in_thread

_MAX_ERROR_CHARS = 2000


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
            ConfigError: a limit is not positive.
        """
        if not (timeout > 0 and concurrency > 0 and max_result_bytes > 0):
            raise ConfigError("timeout, concurrency and max_result_bytes must be positive")
        self.registry = registry
        self._timeout = timeout
        self._concurrency = concurrency
        self._max_result_bytes = max_result_bytes
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def run(self, call: ToolCall) -> ToolResult:
        """Run one call. Whatever the tool does wrong is in the result; only cancellation raises."""
        start = time.perf_counter()
        try:
            content, is_error = self._to_json(await self._call(call)), False
        except ToolError as error:
            content, is_error = _error_content(str(error)), True
        except (Exception, SystemExit) as error:  # noqa: BLE001  (a tool may raise anything: the model reads it)
            content, is_error = _error_content(_describe(error)), True
        return ToolResult(call.id, call.name, content, is_error, time.perf_counter() - start)

    async def _call(self, call: ToolCall) -> Any:
        tool = self.registry[call.name]
        arguments = tool.validate(call.arguments)
        limit = self._timeout if tool.timeout is None else tool.timeout
        async with self._gate():
            deadline = asyncio.timeout(limit)
            try:
                async with deadline:
                    return await self._invoke(tool, arguments)
            except TimeoutError as error:
                if not deadline.expired():
                    raise  # the tool's own
                raise ToolTimeoutError(f"timed out after {limit:g} s") from error

    async def _invoke(self, tool: Tool[..., Any], arguments: dict[str, Any]) -> Any:
        try:
            if tool.is_async:
                return await tool.function(**arguments)
            value = await run_in_thread(functools.partial(tool.function, **arguments))
            return await value if inspect.isawaitable(value) else value
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
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
        content = pydantic_core.to_json(value, inf_nan_mode="null")
        if len(content) > self._max_result_bytes:
            raise ToolError(f"the result is too long: {len(content)} bytes, limit {self._max_result_bytes}")
        return content.decode()


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _error_content(message: str) -> str:
    # Lone surrogates, which JSON text cannot carry, become question marks.
    text = message[:_MAX_ERROR_CHARS].encode("utf-8", "replace").decode()
    return pydantic_core.to_json({"error": text}).decode()


def _describe(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # noqa: BLE001  (an exception whose text cannot be made is still an exception)
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
