"""One run of an agent: generate, parse, execute, append, until the model answers. All mutable state lives here."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Generic

from agentfast.agent.errors import LimitExceededError, OutputError
from agentfast.agent.escalation import Escalate
from agentfast.agent.events import (
    CallsProposed,
    CanvasUpdate,
    Escalated,
    EscalationFailed,
    OutputRejected,
    RunEvent,
    StepStarted,
    TextDelta,
    ToolFinished,
    ToolStarted,
)
from agentfast.agent.limits import Limits, Settings
from agentfast.agent.output import OutputType
from agentfast.agent.result import Escalation, RunResult, Step, T, total_usage
from agentfast.errors import AgentFastError, BudgetTooSmallError, ModelError
from agentfast.messages import AssistantMessage, ToolMessage, Transcript, UserMessage
from agentfast.models.base import CanvasState, Model, ModelRequest, ModelResponse, ModelUsage, TextChunk
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.executor import Executor

_run_numbers = itertools.count(1)

Emit = Callable[[RunEvent], None]


class Run(Generic[T]):
    """A conversation in progress. Made for one call of `execute`."""

    def __init__(
        self,
        *,
        name: str,
        model: Model,
        executor: Executor,
        output: OutputType[T],
        tool_choice: str = "auto",
        limits: Limits,
        settings: Settings,
        escalate: Escalate | None = None,
        transcript: Transcript,
        seed: int | None,
        default_seed: int = 0,
        emit: Emit | None = None,
    ) -> None:
        """Take the agent's parts, the conversation so far, and where to report events, if anywhere.

        `default_seed` stands in for a seed that nobody asked for; servers are not told of it.
        """
        self._model = model
        self._executor = executor
        self._output = output
        self._tool_choice = tool_choice
        self._limits = limits
        self._settings = settings
        self._escalate = escalate
        self._transcript = transcript
        self._seed = seed
        self._default_seed = default_seed
        self._emit = emit
        self._program = f"{name}-{next(_run_numbers)}"
        self._steps: list[Step] = []
        self._calls = 0
        self._tokens = 0

    async def execute(self) -> RunResult[T]:
        """Go on until the model answers.

        Raises:
            LimitExceededError: a budget is used up.
            OutputError: the answer does not fit the output type, after the allowed retries.
            AgentFastError: the model could not answer.
        """
        start = time.perf_counter()
        deadline = asyncio.timeout(self._limits.deadline_s)
        try:
            async with deadline:
                output = await self._until_answer()
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise self._exceeded(f"the deadline of {self._limits.deadline_s:g} s is over") from error
        steps = tuple(self._steps)
        duration_s = time.perf_counter() - start
        return RunResult(output, tuple(self._transcript), steps, total_usage(steps), duration_s)

    async def _until_answer(self) -> T:
        rejections = 0
        for step in itertools.count():
            message = await self._step(step)
            if message.calls:
                continue
            try:
                return self._output.parse(message.text)
            except OutputError as error:
                rejections += 1
                if rejections > self._limits.output_retries:
                    raise OutputError(error.message, messages=tuple(self._transcript)) from error
                self._reject(step, error.message)
        raise AssertionError("itertools.count ended")

    async def _step(self, step: int) -> AssistantMessage:
        """One turn of the model, then the calls it asks for."""
        request = self._request(step)
        if self._emit is not None:
            self._emit(StepStarted(step))
        start = time.perf_counter()
        response, usage, escalation = await self._generate(request, step)
        generated = time.perf_counter()
        message = _with_call_ids(response.message, self._transcript.assistant_turns)
        self._transcript.append(message)
        if escalation is None or escalation.failure is not None:
            self._check_turn(self._model, request, response)
        self._count_calls(message)
        results = await self._execute(message.calls, step) if message.calls else ()
        for result in results:
            self._transcript.append(ToolMessage.of(result))
        tools_s = time.perf_counter() - generated
        self._steps.append(Step(message, results, usage, generated - start, tools_s, escalation))
        return message

    async def _generate(
        self, request: ModelRequest, step: int
    ) -> tuple[ModelResponse, ModelUsage, Escalation | None]:
        """Generate the turn and escalate it if it is doubtful: response, usage of both models, escalation."""
        first = await self._respond(self._model, request, step)
        self._tokens += first.usage.generated_tokens
        escalate = self._escalate
        if escalate is None or (confidence := escalate.doubt(first.message)) is None:
            return first, first.usage, None
        if self._emit is not None:
            self._emit(Escalated(step, confidence, first.message))
        try:
            second = await self._ask_again(escalate.to, request, step)
        except AgentFastError as error:
            if escalate.on_failure == "raise":
                raise
            if self._emit is not None:
                self._emit(EscalationFailed(step, error.message))
            return first, first.usage, Escalation(first, confidence, error)
        return second, first.usage + second.usage, Escalation(first, confidence)

    async def _ask_again(self, model: Model, request: ModelRequest, step: int) -> ModelResponse:
        """Generate the turn with the stronger model, within the tokens that are left."""
        response = await self._respond(model, replace(request, max_tokens=self._tokens_left()), step)
        self._tokens += response.usage.generated_tokens
        self._check_turn(model, request, response)
        return response

    def _tokens_left(self) -> int | None:
        """Token budget of the next turn; None: the model's own."""
        limit, most = self._limits.max_tokens, self._settings.max_tokens
        if limit is None:
            return most
        if limit <= self._tokens:
            raise self._exceeded(f"no answer within {limit} tokens")
        left = limit - self._tokens
        return left if most is None else min(most, left)

    def _request(self, step: int) -> ModelRequest:
        limits, settings = self._limits, self._settings
        if limits.max_steps is not None and step >= limits.max_steps:
            raise self._exceeded(f"no answer within {limits.max_steps} steps")
        return ModelRequest(
            messages=self._transcript,
            tools=self._executor.registry.definitions,
            output_schema=self._output.schema,
            output_grammar=self._output.grammar,
            # A call that is asked for at every turn would leave no turn for the answer.
            tool_choice=self._tool_choice if step == 0 or self._tool_choice == "none" else "auto",
            max_calls=settings.max_calls,
            max_tokens=self._tokens_left(),
            temperature=settings.temperature,
            confidence=settings.confidence or self._escalate is not None,
            seed=None if self._seed is None else derive_seed(self._seed, step),
            default_seed=derive_seed(self._default_seed, step),
            program=self._program,
            priority=settings.priority,
        )

    async def _respond(self, model: Model, request: ModelRequest, step: int) -> ModelResponse:
        try:
            if self._emit is None:
                return await model.respond(request)
            return await self._watch(model, request, step, self._emit)
        except BudgetTooSmallError as error:
            if request.max_tokens == self._settings.max_tokens:
                raise
            raise self._exceeded(
                f"the {request.max_tokens} tokens left are too few: {error.message}"
            ) from error

    async def _watch(self, model: Model, request: ModelRequest, step: int, emit: Emit) -> ModelResponse:
        """Generate by way of the model's stream, read to its end so that it is closed here."""
        response: ModelResponse | None = None
        shown = 0  # characters of the text
        async for event in model.stream(request):
            match event:
                case CanvasState():
                    emit(CanvasUpdate(step, event))
                case TextChunk(text):
                    shown += len(text)
                    emit(TextDelta(step, text))
                case ModelResponse():
                    response = event
        if response is None:
            raise ModelError(f"model {model.name!r} ended its stream without a response")
        if rest := response.message.text[shown:]:
            emit(TextDelta(step, rest))
        return response

    def _check_turn(self, model: Model, request: ModelRequest, response: ModelResponse) -> None:
        if response.finish_reason == "length":
            raise self._exceeded("the model's turn was cut off at its token limit")
        if not _is_chosen(request.tool_choice, response.message.calls):
            named = ", ".join(call.name for call in response.message.calls) or "no tool"
            raise ModelError(
                f"model {model.name!r} called {named}, but tool_choice is {request.tool_choice!r}"
            )

    def _count_calls(self, message: AssistantMessage) -> None:
        self._calls += len(message.calls)
        limit = self._limits.max_tool_calls
        if limit is not None and self._calls > limit:
            raise self._exceeded(f"more than {limit} tool calls")

    async def _execute(self, calls: tuple[ToolCall, ...], step: int) -> tuple[ToolResult, ...]:
        """Run the calls at once; the results are in the order of the calls."""
        if self._emit is not None:
            self._emit(CallsProposed(step, calls))
        if len(calls) == 1:
            return (await self._run_tool(calls[0], step),)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._run_tool(call, step)) for call in calls]
        return tuple(task.result() for task in tasks)

    async def _run_tool(self, call: ToolCall, step: int) -> ToolResult:
        if self._emit is None:
            return await self._executor.run(call)
        self._emit(ToolStarted(step, call))
        result = await self._executor.run(call)
        self._emit(ToolFinished(step, result))
        return result

    def _reject(self, step: int, reason: str) -> None:
        if self._emit is not None:
            self._emit(OutputRejected(step, reason))
        self._transcript.append(UserMessage(f"The answer is not valid: {reason}"))

    def _exceeded(self, message: str) -> LimitExceededError:
        return LimitExceededError(message, messages=tuple(self._transcript), steps=tuple(self._steps))


def _is_chosen(tool_choice: str, calls: Sequence[ToolCall]) -> bool:
    """True if a turn's calls fit `tool_choice`."""
    match tool_choice:
        case "auto":
            return True
        case "none":
            return not calls
        case "required":
            return bool(calls)
        case name:
            return bool(calls) and all(call.name == name for call in calls)


def derive_seed(seed: int, index: int) -> int:
    """A seed for part `index` of something seeded by `seed`; parts of different seeds do not coincide."""
    return int.from_bytes(blake2b(f"{seed}/{index}".encode(), digest_size=7).digest())


def _with_call_ids(message: AssistantMessage, turn: int) -> AssistantMessage:
    """Give every call an id that no other call of the conversation has, unless the model did."""
    if all(call.id for call in message.calls):
        return message
    calls: Sequence[ToolCall] = [
        call if call.id else replace(call, id=f"call_{turn}_{index}")
        for index, call in enumerate(message.calls)
    ]
    return replace(message, calls=tuple(calls))
