"""One turn of a run: the model's message, and a result for each of its calls, run or not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from agentfast.agent.events import CallsProposed, RunEvent, ToolFinished, ToolStarted
from agentfast.errors import ToolError, ToolTimeoutError
from agentfast.messages import AssistantMessage
from agentfast.tools.call import ToolResult
from agentfast.tools.executor import Executor, error_content

Emit = Callable[[RunEvent], None]

_log = logging.getLogger(
    "agentfast.agent"
)  # not by structlog, whose import takes longer than a remote model's agent


class Turn:
    """A turn that is being acted on. Each call gets exactly one result: its own, or one that says why there is none."""

    def __init__(self, message: AssistantMessage, step: int, run: str, emit: Emit | None) -> None:
        """Take the message, the number of the step, the run's name for the log, and where to report events."""
        self.message = message
        self._step = step
        self._run = run
        self._emit = emit
        self._begun: set[int] = set()
        self._results: list[ToolResult | None] = [None] * len(message.calls)

    @property
    def results(self) -> tuple[ToolResult, ...]:
        """The results up to now, in the order of the calls."""
        return tuple(result for result in self._results if result is not None)

    async def run_calls(self, executor: Executor) -> None:
        """Run all calls at once."""
        calls = self.message.calls
        if not calls:
            return
        if self._emit is not None:
            self._emit(CallsProposed(self._step, calls))
        if len(calls) == 1:
            await self._run_call(executor, 0)
        else:
            async with asyncio.TaskGroup() as group:
                for index in range(len(calls)):
                    group.create_task(self._run_call(executor, index))
            self.close("the tool cancelled its own task")

    def close(self, reason: str) -> None:
        """Give each call that has no result one that says so."""
        for index, call in enumerate(self.message.calls):
            if self._results[index] is not None:
                continue
            said = f"not run: {reason}"
            if index in self._begun:
                said = f"interrupted: {reason}; it may have taken effect"
            self._results[index] = ToolResult(call.id, call.name, error_content(said), is_error=True)

    async def _run_call(self, executor: Executor, index: int) -> None:
        call = self.message.calls[index]
        self._begun.add(index)
        if self._emit is not None:
            self._emit(ToolStarted(self._step, call))
        result = self._results[index] = await executor.run(call)
        if result.exception is not None:
            self._report(result)
        if self._emit is not None:
            self._emit(ToolFinished(self._step, result))

    def _report(self, result: ToolResult) -> None:
        """Log a tool's failure: one that its author did not mean with its traceback, one that the model reads as a note.

        A function that raises a ToolError means to tell the model something. A timeout has no traceback of the tool's: it
        says its limit.
        """
        error = result.exception
        if isinstance(error, ToolTimeoutError):
            _log.warning(
                "tool %s run=%s step=%d tool=%s call=%s",
                error,
                self._run,
                self._step,
                result.name,
                result.call_id,
            )
            return
        meant = isinstance(error, ToolError)
        _log.log(
            logging.INFO if meant else logging.WARNING,
            "tool failed run=%s step=%d tool=%s call=%s",
            self._run,
            self._step,
            result.name,
            result.call_id,
            exc_info=error,
        )
