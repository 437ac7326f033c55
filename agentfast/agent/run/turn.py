"""One turn of a run: a result for each of the calls that the model's message asks for, run or not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from agentfast.agent.calls.approval import ApprovalRequest, Decision, Reason, ask_approver
from agentfast.agent.calls.doubt import Doubt
from agentfast.agent.calls.early import EarlyCalls
from agentfast.agent.definitions.definition import Definition
from agentfast.agent.events import (
    ApprovalAsked,
    ApprovalGiven,
    CallRefused,
    CallsProposed,
    RunEvent,
    ToolFinished,
    ToolStarted,
)
from agentfast.agent.run.scope import current_call
from agentfast.agent.run.state import PendingTurn, RunState, with_arguments
from agentfast.errors import ToolError, ToolTimeoutError
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.context import RunContext
from agentfast.tools.definition import Tool
from agentfast.tools.executor import error_content

Emit = Callable[[RunEvent], None]
MakeContext = Callable[[ToolCall], RunContext[Any]]

_log = logging.getLogger(
    "agentfast.agent"
)  # not by structlog, whose import takes longer than a remote model's agent


class Turn:
    """A turn that is being acted on. Each call gets exactly one result: its own, or one that says why there is none."""

    def __init__(
        self,
        state: RunState,
        pending: PendingTurn,
        definition: Definition[Any],
        emit: Emit,
        context: MakeContext,
        *,
        is_watched: bool = True,
        early: EarlyCalls | None = None,
    ) -> None:
        """Take the run, its turn, the agent's parts, how to report events, unless nobody watches, and to make a tool's context.

        `early` has the calls that have begun already.
        """
        self._state = state
        self._pending = pending
        self._definition = definition
        self._emit = emit
        self._context = context
        self._is_watched = is_watched
        self._early = early
        self._step = state.step
        self._begun: set[int] = set()

    async def run_calls(self) -> None:
        """Run all calls that have no result yet, at once; those that nobody has decided on are left in `waiting`."""
        pending = self._pending
        calls = pending.message.calls
        if not calls:
            return
        if self._is_watched:
            self._emit(CallsProposed(self._step, calls))
        open_calls = [index for index, result in enumerate(pending.results) if result is None]
        if len(open_calls) == 1:
            await self._run_call(open_calls[0])
            return
        try:
            async with asyncio.TaskGroup() as group:
                for index in open_calls:
                    group.create_task(self._run_call(index))
        except BaseExceptionGroup as failed:  # of an approver or a sink: a tool's failure is its result
            raise failed.exceptions[0] from failed
        if not pending.waiting:
            self.close("the tool cancelled its own task")

    def close(self, reason: str) -> None:
        """Give each call that has no result one that says so."""
        results = self._pending.results
        for index, call in enumerate(self._pending.message.calls):
            if results[index] is None:
                results[index] = not_run(call, reason, begun=index in self._begun)

    async def _run_call(self, index: int) -> None:
        call = self._pending.message.calls[index]
        tool = self._definition.executor.registry.get(call.name)  # None: the executor says that there is none
        if tool is not None and (self._definition.holds_calls or index in self._pending.waiting):
            if not await self._may_run(index, tool, call):
                return
            call = self._pending.message.calls[index]
        self._begun.add(index)
        if self._is_watched:
            self._emit(ToolStarted(self._step, call))
        context = self._context(call) if tool is not None and tool.takes_context else None
        token = current_call.set(call.id)
        try:
            result = None if self._early is None else await self._early.result(call)
            if result is None:
                result = await self._definition.executor.run(call, context)
        finally:
            current_call.reset(token)
        self._pending.results[index] = result
        if result.exception is not None:
            self._report(result)
        if self._is_watched:
            self._emit(ToolFinished(self._step, result))

    async def _may_run(self, index: int, tool: Tool[Any], call: ToolCall) -> bool:
        """True if the call may run now. Otherwise it has a result that says why not, or waits for a decision."""
        pending = self._pending
        request = pending.waiting.pop(index, None)
        if request is None:
            doubt = self._doubt(tool, call)
            if doubt is not None and doubt.then != "approve":
                self._refuse(index, call, doubt)
                return False
            if doubt is None and not _requires_approval(tool, call):
                return True
            reason: Reason = "tool" if doubt is None else "doubt"
            request = ApprovalRequest(self._state.run_id, self._definition.name, self._step, call, reason)
            self._emit(ApprovalAsked(self._step, request))
        decision = pending.decisions.pop(index, None)
        if decision is None and self._definition.approve is not None:
            decision = await ask_approver(self._definition.approve, request)
        if decision is None:
            pending.waiting[index] = request
            return False
        return self._decide(index, call, decision)

    def _doubt(self, tool: Tool[Any], call: ToolCall) -> Doubt | None:
        """The treatment of the call if it is doubtful."""
        doubt = self._definition.doubt
        if doubt is None or (tool.pure and not doubt.pure) or doubt.of(call) is None:
            return None
        return doubt

    def _refuse(self, index: int, call: ToolCall, doubt: Doubt) -> None:
        confidence = doubt.of(call) or 0.0
        self._emit(CallRefused(self._step, call, confidence))
        self._pending.results[index] = ToolResult(
            call.id, call.name, error_content(doubt.told(confidence)), is_error=True
        )

    def _decide(self, index: int, call: ToolCall, decision: Decision) -> bool:
        """Carry out a decision: True if the call runs."""
        self._emit(ApprovalGiven(self._step, call, decision))
        pending = self._pending
        if not decision.approved:
            said = "not run: denied" + (f": {decision.reason}" if decision.reason else "")
            pending.results[index] = ToolResult(call.id, call.name, error_content(said), is_error=True)
            return False
        if decision.arguments is not None:
            pending.message = with_arguments(pending.message, index, decision.arguments)
        return True

    def _report(self, result: ToolResult) -> None:
        """Log a tool's failure: one that its author did not mean with its traceback, one that the model reads as a note.

        A function that raises a ToolError means to tell the model something. A timeout has no traceback of the tool's: it
        says its limit.
        """
        error = result.exception
        run = self._state.run_id
        if isinstance(error, ToolTimeoutError):
            _log.warning(
                "tool %s run=%s step=%d tool=%s call=%s", error, run, self._step, result.name, result.call_id
            )
            return
        meant = isinstance(error, ToolError)
        _log.log(
            logging.INFO if meant else logging.WARNING,
            "tool failed run=%s step=%d tool=%s call=%s",
            run,
            self._step,
            result.name,
            result.call_id,
            exc_info=error,
        )


def not_run(call: ToolCall, reason: str, *, begun: bool) -> ToolResult:
    """The result of a call that was not run, or not to its end."""
    said = f"interrupted: {reason}; it may have taken effect" if begun else f"not run: {reason}"
    return ToolResult(call.id, call.name, error_content(said), is_error=True)


def _requires_approval(tool: Tool[Any], call: ToolCall) -> bool:
    """True if the tool wants the call to be decided on. A predicate that raises wants it."""
    wants = tool.requires_approval
    if isinstance(wants, bool):
        return wants
    try:
        arguments = tool.validate(call.arguments)
    except ToolError:
        return False  # the call fails, and has no effect
    try:
        return bool(wants(**arguments))
    except Exception:  # noqa: BLE001  (whatever it is, somebody should look at the call)
        _log.exception("requires_approval of a tool raised; the call waits for approval tool=%s", tool.name)
        return True
