"""One run of an agent: generate, parse, execute, append, until the model answers. All mutable state lives here."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Generic

from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.agent.bounds.repetition import Repetition
from agentfast.agent.errors import LimitExceededError, OutputError, with_run
from agentfast.agent.escalation import Escalate
from agentfast.agent.events import Escalated, EscalationFailed, OutputRejected, StepStarted
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.output import OutputType
from agentfast.agent.response import ask
from agentfast.agent.result import Escalation, RunResult, Step, T, total_usage
from agentfast.agent.turn import Emit, Turn
from agentfast.errors import AgentFastError, BudgetTooSmallError, ModelError, ModelFaultError
from agentfast.messages import AssistantMessage, ToolMessage, Transcript, UserMessage
from agentfast.models.base import Model, ModelRequest, ModelResponse, ModelUsage
from agentfast.tools.call import ToolCall
from agentfast.tools.executor import Executor

_run_numbers = itertools.count(1)


class Run(Generic[T]):
    """A conversation in progress. Made for one call of `execute`.

    A turn comes to stand in the transcript together with the results of its calls, so that each call has its result at
    every moment, however the run ends.
    """

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
        call_ids: CallIds,
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
        self._call_ids = call_ids
        self._seed = seed
        self._default_seed = default_seed
        self._emit = emit
        self._program = f"{name}-{next(_run_numbers)}"
        self._steps: list[Step] = []
        self._repetition = Repetition(limits.max_identical_calls)
        self._calls = 0
        self._tokens = 0

    @property
    def transcript(self) -> Transcript:
        """The conversation up to now; it grows while the run goes on."""
        return self._transcript

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps up to now."""
        return tuple(self._steps)

    async def execute(self) -> RunResult[T]:
        """Go on until the model answers. Whatever ends the run before, a cancellation too, has its messages and steps.

        Raises:
            LimitExceededError: a budget is used up.
            OutputError: the answer does not fit the output type, after the allowed retries.
            AgentFastError: the model could not answer.
        """
        start = time.perf_counter()
        self._deadline = asyncio.timeout(self._limits.deadline_s)
        try:
            async with self._deadline:
                output = await self._until_answer()
        except (AgentFastError, asyncio.CancelledError) as error:
            carrying = with_run(error, tuple(self._transcript), tuple(self._steps))
            if carrying is error:
                raise
            raise carrying from error
        except TimeoutError as error:
            if not self._deadline.expired():
                raise
            failure = _last_failure(error)
            said = "" if failure is None else f"; the model's last failure: {failure.message}"
            over = LimitExceededError(self._deadline_text() + said, hint="raise Limits(deadline_s=...)")
            raise with_run(over, tuple(self._transcript), tuple(self._steps)) from failure or error
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
                    raise
                self._reject(step, error.reason)
        raise AssertionError("itertools.count ended")

    async def _step(self, step: int) -> AssistantMessage:
        """One turn of the model, then the calls it asks for."""
        request = self._request(step)
        if self._emit is not None:
            self._emit(StepStarted(step))
        start = time.perf_counter()
        response, usage, escalation = await self._generate(request, step)
        generated = time.perf_counter()
        message = self._call_ids.complete(response.message, self._transcript.assistant_turns)
        turn = Turn(message, step, self._program, self._emit)
        try:
            if escalation is None or escalation.failure is not None:
                self._check_turn(self._model, request, response)
            self._count_calls(message)
            self._repetition.check(message)
            await turn.run_calls(self._executor)
        except BaseException as error:
            turn.close(self._reason(error))
            raise
        finally:
            results = self._repetition.told(turn.results)
            self._transcript.append(message)
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
            if escalate.on_failure == "raise" or isinstance(error, ModelFaultError):
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
            raise LimitExceededError(f"no answer within {limit} tokens", hint="raise Limits(max_tokens=...)")
        left = limit - self._tokens
        return left if most is None else min(most, left)

    def _request(self, step: int) -> ModelRequest:
        limits, settings = self._limits, self._settings
        if limits.max_steps is not None and step >= limits.max_steps:
            raise LimitExceededError(
                f"no answer within {limits.max_steps} steps", hint="raise Limits(max_steps=...)"
            )
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
            seed=None if self._seed is None else turn_seed(self._seed, step),
            local_seed=derive_seed(self._default_seed if self._seed is None else self._seed, step),
            program=self._program,
            priority=settings.priority,
        )

    async def _respond(self, model: Model, request: ModelRequest, step: int) -> ModelResponse:
        try:
            return await ask(model, request, step, self._emit)
        except BudgetTooSmallError as error:
            if request.max_tokens == self._settings.max_tokens:
                raise
            raise LimitExceededError(
                f"the {request.max_tokens} tokens left are too few: {error.message}",
                hint="raise Limits(max_tokens=...)",
            ) from error

    def _check_turn(self, model: Model, request: ModelRequest, response: ModelResponse) -> None:
        if response.finish_reason == "length":
            raise self._cut_off(request, response)
        if not _is_chosen(request.tool_choice, response.message.calls):
            named = ", ".join(call.name for call in response.message.calls) or "no tool"
            raise ModelError(
                f"model {model.name!r} called {named}, but tool_choice is {request.tool_choice!r}"
            )

    def _count_calls(self, message: AssistantMessage) -> None:
        self._calls += len(message.calls)
        limit = self._limits.max_tool_calls
        if limit is not None and self._calls > limit:
            raise LimitExceededError(f"more than {limit} tool calls", hint="raise Limits(max_tool_calls=...)")

    def _reject(self, step: int, reason: str) -> None:
        if self._emit is not None:
            self._emit(OutputRejected(step, reason))
        self._transcript.append(UserMessage(f"The answer is not valid: {reason}"))

    def _cut_off(self, request: ModelRequest, response: ModelResponse) -> LimitExceededError:
        """The error of a turn that is longer than allowed, naming the setting that allows it no more."""
        used, limit = response.usage.generated_tokens, request.max_tokens
        if limit is None:
            after = f" after {used} tokens" if used else ""
            return LimitExceededError(
                f"the model's turn was cut off{after}, at the model's own token limit",
                hint="raise it by Settings(max_tokens=...), or ask for less at a time",
            )
        if 0 < used < limit:
            return LimitExceededError(
                f"the model's turn was cut off after {used} tokens, though Settings(max_tokens=...) allows {limit}",
                hint="it is a limit of the model or its server: ask for less at a time, or raise it there",
            )
        setting = (
            "Settings(max_tokens=...)" if limit == self._settings.max_tokens else "Limits(max_tokens=...)"
        )
        return LimitExceededError(
            f"the model's turn was cut off at its token limit of {limit}", hint=f"raise {setting}"
        )

    def _reason(self, error: BaseException) -> str:
        """The reason why a turn's calls were not run, for the model to read."""
        if self._deadline.expired():
            return self._deadline_text()
        if isinstance(error, AgentFastError):
            return error.message
        return "the run was cancelled" if isinstance(error, asyncio.CancelledError) else type(error).__name__

    def _deadline_text(self) -> str:
        return f"the deadline of {self._limits.deadline_s:g} s is over"


def _last_failure(error: BaseException) -> AgentFastError | None:
    """The failure that a model was about to try again after when it was cancelled: the cause of the cancellation."""
    cause = error.__cause__
    while cause is not None and not isinstance(cause, AgentFastError):
        cause = cause.__cause__
    return cause


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


def turn_seed(seed: int, step: int) -> int:
    """The seed that a server is sent for a run's turn: for the first it is the run's own, as its log should show."""
    return derive_seed(seed, step) if step else seed


def derive_seed(seed: int, index: int) -> int:
    """A seed for part `index` of something seeded by `seed`; parts of different seeds do not coincide."""
    return int.from_bytes(blake2b(f"{seed}/{index}".encode(), digest_size=7).digest())
