"""The loop of a run: generate, execute the calls, append, until the model answers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Generic

from agentfast.agent.bounds.budget import Budget
from agentfast.agent.bounds.deadline import first_deadline
from agentfast.agent.bounds.repetition import with_notes
from agentfast.agent.calls.early import EarlyCalls
from agentfast.agent.definitions.definition import Definition
from agentfast.agent.definitions.overrides import overridden
from agentfast.agent.errors import (
    LimitExceededError,
    OutputError,
    RetriesExhaustedError,
    with_run,
)
from agentfast.agent.events import (
    AgentEvent,
    HandedOff,
    OutputRejected,
    RunFailed,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFinished,
    StepStarted,
    TurnGenerated,
)
from agentfast.agent.result import NO_USAGE, RunResult, RunUsage, Step, T
from agentfast.agent.run.generation import Generation
from agentfast.agent.run.saved import RunPausedError, SavedRun
from agentfast.agent.run.scope import Scope, current_call, current_scope
from agentfast.agent.run.state import PendingTurn, RunState, instructed, rejection
from agentfast.agent.run.turn import Turn, not_run
from agentfast.agent.sinks import Reporter, RunInfo, Sink, report_nothing
from agentfast.errors import AgentFastError
from agentfast.messages import AssistantMessage, Message, ToolMessage, Transcript
from agentfast.tools.call import ToolCall
from agentfast.tools.context import RunContext


class Run(Generic[T]):
    """A conversation in progress. Made for one call of `execute`.

    A turn comes to stand in the transcript together with the results of its calls, so that each call has its result at
    every moment, however the run ends.
    """

    def __init__(
        self,
        definition: Definition[T],
        state: RunState,
        *,
        deps: Any = None,
        budget: Budget | None = None,
        sinks: tuple[Sink, ...] = (),
    ) -> None:
        """Take the agent's parts, where the conversation stands, and who gets the events besides the agent's own sinks."""
        self._definition: Definition[Any] = overridden(definition)
        self._state = state
        self._deps = deps
        self._outer = outer = current_scope.get()
        inherited = (
            () if outer is None else tuple(sink for sink in outer.sinks if sink not in self._definition.sinks)
        )
        lasting = (*self._definition.sinks, *inherited)
        self._info = RunInfo(
            state.run_id,
            definition.name,
            None if outer is None else outer.run_id,
            None if outer is None else current_call.get(),
        )
        receivers = (*sinks, *lasting)
        reporter = Reporter(self._info, receivers) if receivers else None
        self._emit: Callable[[AgentEvent[Any]], None] = reporter or report_nothing
        self._is_watched = reporter is not None  # without a sink the events of each step are not made
        self._live = reporter is not None and reporter.live
        budgets = () if outer is None else outer.budgets
        if budget is not None and budget not in budgets:
            budgets = (budget, *budgets)
        priority = self._definition.settings.priority or (0 if outer is None else outer.priority)
        self._early: EarlyCalls | None = None
        self._scope = Scope(state.run_id, budgets=budgets, priority=priority, sinks=lasting)

    @property
    def transcript(self) -> Transcript:
        """The conversation up to now; it grows while the run goes on."""
        return self._state.transcript

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps up to now."""
        return tuple(self._state.steps)

    async def execute(self) -> RunResult[T]:
        """Go on until the model answers. Whatever ends the run before, a cancellation too, has its messages and steps.

        Raises:
            LimitExceededError: a budget is used up.
            OutputError: the answer does not fit the output type, after the allowed retries.
            RetriesExhaustedError: a tool failed too often in a row.
            RunPausedError: a call waits for a decision.
            AgentFastError: the model could not answer.
        """
        self._start = time.perf_counter()
        self._deadline = deadline = first_deadline(
            self._definition.limits.deadline_s,
            self._state.elapsed_s,
            self._scope.budgets,
            None if self._outer is None else self._outer.ends_at,
        )
        self._timeout: asyncio.Timeout | None = None
        if deadline is not None:
            self._scope.ends_at = deadline.ends_at
            seconds = max(deadline.ends_at - time.monotonic(), 0.0)
            self._timeout = asyncio.timeout(seconds)
        token = current_scope.set(self._scope)
        try:
            if self._timeout is None:
                output = await self._until_answer()
            else:
                async with self._timeout:
                    output = await self._until_answer()
        except (AgentFastError, asyncio.CancelledError) as error:
            carrying = with_run(error, *self._so_far())
            self._report_end(carrying)
            if carrying is error:
                raise
            raise carrying from error
        except TimeoutError as error:
            if deadline is None or self._timeout is None or not self._timeout.expired():
                raise
            failure = _last_failure(error)
            said = "" if failure is None else f"; the model's last failure: {failure.message}"
            over = LimitExceededError(deadline.text + said, hint=deadline.hint)
            self._report_end(with_run(over, *self._so_far()))
            raise over from failure or error
        finally:
            current_scope.reset(token)
            if self._outer is not None:
                self._outer.nested += self._usage()
        result: RunResult[T] = RunResult(
            output,
            tuple(self._state.transcript),
            tuple(self._state.steps),
            self._usage(),
            self._elapsed(),
            self._state.run_id,
            self._definition.name,
        )
        if self._is_watched:
            self._emit(RunFinished(result))
        return result

    async def _until_answer(self) -> Any:
        state = self._state
        await self._open()
        while True:
            if state.pending is None:
                state.pending = await self._generate()
            message = await self._act(state.pending)
            if message.calls:
                await self._hand_off()
                continue
            try:
                output = self._definition.output.parse(message.text)
                if self._definition.validators:
                    output = await self._definition.validators.check(output, message.text, self._context)
                return output
            except OutputError as error:
                state.rejections += 1
                if state.rejections > self._definition.limits.output_retries:
                    raise
                self._reject(error.reason)

    async def _open(self) -> None:
        """Write the instructions where a function does, and say that the run begins."""
        state, definition = self._state, self._definition
        if definition.instructions.text is None and not state.steps and state.pending is None:
            text = await definition.instructions.write(self._context)
            state.transcript = instructed(state.transcript, text)
        if self._is_watched:
            self._emit(
                RunStarted(
                    definition.name,
                    definition.model.name,
                    tuple(state.transcript),
                    state.seed,
                    state.default_seed,
                    state.step,
                )
            )

    async def _generate(self) -> PendingTurn:
        """The model's next turn."""
        state, definition = self._state, self._definition
        limit = definition.limits.max_steps
        if limit is not None and state.step >= limit:
            raise LimitExceededError(f"no answer within {limit} steps", hint="raise Limits(max_steps=...)")
        if self._is_watched:
            self._emit(StepStarted(state.step))
        start = time.perf_counter()
        self._early = EarlyCalls(definition.executor) if definition.begins_calls_early else None
        generation = Generation(
            state, definition, self._scope, self._emit, live=self._live, early=self._early
        )
        try:
            generated = await generation.turn()
        except BaseException:
            if self._early is not None:
                await self._early.discard()
            raise
        message = state.call_ids.complete(generated.message, state.transcript.assistant_turns)
        pending = PendingTurn(
            message,
            [None] * len(message.calls),
            generated.usage,
            time.perf_counter() - start,
            finish_reason=generated.finish_reason,
            escalation=generated.escalation,
            fault=generated.fault,
        )
        if self._is_watched:
            self._emit(
                TurnGenerated(
                    state.step,
                    generated.model,
                    message,
                    generated.usage,
                    pending.model_s,
                    generated.finish_reason,
                    generated.escalation,
                )
            )
        return pending

    async def _act(self, pending: PendingTurn) -> AssistantMessage:
        """Execute the calls of a turn, and append the turn with their results."""
        state = self._state
        turn = Turn(
            state,
            pending,
            self._definition,
            self._emit,
            self._call_context,
            is_watched=self._is_watched,
            early=self._early,
        )
        start = time.perf_counter()
        try:
            self._check(pending)
            await turn.run_calls()
        except BaseException as error:
            turn.close(self._reason(error))
            raise
        finally:
            if self._early is not None:
                await self._early.discard()
            pending.tools_s += time.perf_counter() - start
            if None not in pending.results:
                self._append(pending)
        if pending.waiting:
            raise self._paused(pending)
        self._count_failures(pending)
        return pending.message

    def _check(self, pending: PendingTurn) -> None:
        """Count the turn's calls, once."""
        if pending.fault is not None:
            raise pending.fault
        if pending.is_checked:
            return
        pending.is_checked = True
        state, limits, calls = self._state, self._definition.limits, len(pending.message.calls)
        state.calls += calls
        if limits.max_tool_calls is not None and state.calls > limits.max_tool_calls:
            raise LimitExceededError(
                f"more than {limits.max_tool_calls} tool calls", hint="raise Limits(max_tool_calls=...)"
            )
        pending.noted = state.repetition.check(pending.message, limits.max_identical_calls)
        for budget in self._scope.budgets:
            budget.count_calls(calls)

    def _append(self, pending: PendingTurn) -> None:
        state = self._state
        results = tuple(result for result in pending.results if result is not None)
        results = with_notes(results, pending.noted, self._definition.limits.max_identical_calls)
        if self._is_watched:
            self._emit(StepFinished(state.step, results))
        state.append(pending, results)

    def _paused(self, pending: PendingTurn) -> RunPausedError:
        state = self._state
        state.elapsed_s = self._elapsed()
        self._start = time.perf_counter()
        requests = tuple(pending.waiting[index] for index in sorted(pending.waiting))
        return RunPausedError(SavedRun.of(state), requests)

    def _count_failures(self, pending: PendingTurn) -> None:
        """Count the failures in a row of each tool.

        Raises:
            RetriesExhaustedError: one of them failed more often than it may.
        """
        registry = self._definition.executor.registry
        for result in pending.results:
            assert result is not None
            if not (failed := self._state.count_failure(result)):
                continue
            tool = registry.get(result.name)
            most = (
                self._definition.limits.tool_retries if tool is None or tool.retries is None else tool.retries
            )
            if most is not None and failed > most:
                raise RetriesExhaustedError(result.name, failed, result.content)

    async def _hand_off(self) -> None:
        """Go on with another agent if the turn's calls say so: the first of them that does."""
        state, definition = self._state, self._definition
        if not definition.handoffs:
            return
        for result in state.steps[-1].results:
            target = definition.handoffs.get(result.name)
            if target is not None and not result.is_error:
                break
        else:
            return
        self._definition = overridden(target)
        state.agent = target.name
        state.failures.clear()
        text = await target.instructions.write(self._context)
        instructions = text if text or target.has_system else None
        state.transcript = instructed(state.transcript, instructions)
        self._emit(HandedOff(state.step - 1, target.name, instructions))

    def _reject(self, reason: str) -> None:
        self._emit(OutputRejected(self._state.step - 1, reason))
        self._state.transcript.append(rejection(reason))

    def _context(self) -> RunContext[Any]:
        """The context of an instructions function or an output validator."""
        state = self._state
        return RunContext(
            deps=self._deps,
            run_id=state.run_id,
            agent=self._definition.name,
            step=state.step,
            messages=state.transcript,
            usage=self._usage(),
        )

    def _call_context(self, call: ToolCall) -> RunContext[Any]:
        """The context of a call."""
        state = self._state
        return RunContext(
            deps=self._deps,
            run_id=state.run_id,
            agent=self._definition.name,
            step=state.step,
            messages=state.transcript,
            usage=self._usage(),
            tool_name=call.name,
            call_id=call.id,
            attempt=state.failures.get(call.name, 0),
        )

    def _usage(self) -> RunUsage:
        usage = self._state.usage()
        for nested in (self._state.nested, self._scope.nested):
            if nested is not NO_USAGE:
                usage = usage + nested
        return usage

    def _elapsed(self) -> float:
        return self._state.elapsed_s + time.perf_counter() - self._start

    def _so_far(self) -> tuple[tuple[Message, ...], tuple[Step, ...]]:
        """The conversation and the steps up to now; calls that wait for a decision have a result that says so."""
        state = self._state
        messages = list(state.transcript)
        if (pending := state.pending) is not None:
            messages.append(pending.message)
            for call, result in zip(pending.message.calls, pending.results, strict=True):
                told = result or not_run(call, "the run is paused until it is decided on", begun=False)
                messages.append(ToolMessage.of(told))
        return tuple(messages), tuple(state.steps)

    def _report_end(self, error: AgentFastError | asyncio.CancelledError) -> None:
        try:
            if isinstance(error, RunPausedError):
                self._emit(RunPaused(error.requests, error.state))
            else:
                self._emit(RunFailed(error if isinstance(error, AgentFastError) else None))
        except AgentFastError as unwritten:  # of a sink: the run's own error is what its caller waits for
            error.add_note(f"A sink could not be told of the end: {unwritten}")

    def _reason(self, error: BaseException) -> str:
        """The reason why a turn's calls were not run, for the model to read."""
        if self._deadline is not None and self._timeout is not None and self._timeout.expired():
            return self._deadline.text
        if isinstance(error, AgentFastError):
            return error.message
        return "the run was cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__


def _last_failure(error: BaseException) -> AgentFastError | None:
    """The failure that a model was about to try again after when it was cancelled: the cause of the cancellation."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, AgentFastError):
        cause = cause.__cause__
    return cause
