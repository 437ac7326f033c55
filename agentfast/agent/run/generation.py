"""The generation of a turn: the request, the model, and the stronger model or another seed where the turn is doubtful."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from agentfast.agent.bounds.budget import Budget, Reservation
from agentfast.agent.calls.early import EarlyCalls
from agentfast.agent.definitions.definition import Definition
from agentfast.agent.errors import LimitExceededError
from agentfast.agent.events import Escalated, EscalationFailed, TurnRetried
from agentfast.agent.history.trim import estimate_tokens
from agentfast.agent.result import Escalation
from agentfast.agent.run.response import Emit, ask
from agentfast.agent.run.scope import Scope
from agentfast.agent.run.seeds import derive_seed, turn_seed
from agentfast.agent.run.state import RunState
from agentfast.errors import AgentFastError, BudgetTooSmallError, ModelError
from agentfast.messages import AssistantMessage
from agentfast.models.base import FinishReason, Model, ModelRequest, ModelResponse, ModelUsage
from agentfast.models.composed.doubtful import fits_choice, unless_sure


@dataclass(frozen=True, slots=True)
class Generated:
    """A turn of a model.

    Attributes:
        model: name of the model that wrote it.
        usage: of all the answers that it took.
        fault: why it cannot be acted on; None if it can.
        escalation: the doubtful answer before it, if a stronger model was asked.
    """

    model: str
    message: AssistantMessage
    usage: ModelUsage
    finish_reason: FinishReason
    fault: AgentFastError | None = None
    escalation: Escalation | None = None


class Generation:
    """The generation of a run's next turn."""

    def __init__(
        self,
        state: RunState,
        definition: Definition[Any],
        scope: Scope,
        emit: Emit,
        *,
        live: bool,
        early: EarlyCalls | None = None,
    ) -> None:
        """Take the run, the agent's parts, the bounds, where to report events, and whether to stream the turn there.

        `early` begins calls as they settle.
        """
        self._state = state
        self._definition = definition
        self._scope = scope
        self._emit = emit
        self._watch = emit if live else None
        self._early = early
        self._limits = definition.limits
        self._settings = definition.settings
        self._step = state.step

    async def turn(self) -> Generated:
        """Generate the turn; escalate it, or generate it again, if it is doubtful.

        Raises:
            LimitExceededError: a budget is used up.
            AgentFastError: the model could not answer.
        """
        model, request = self._definition.model, self._request()
        first = await self._respond(model, request)
        usage = first.usage
        if (doubt := self._definition.doubt) is not None and doubt.then == "retry":
            for attempt in range(1, doubt.retries + 1):
                confidence = self._least_sure(first.message)
                if confidence is None:
                    break
                self._emit(TurnRetried(self._step, confidence, first.message))
                again = replace(
                    request,
                    max_tokens=self._tokens_left(),
                    seed=None if request.seed is None else derive_seed(request.seed, attempt),
                    local_seed=derive_seed(request.draws_from, attempt),
                )
                first = await self._respond(model, again)
                usage = usage + first.usage
        escalate = self._definition.escalate
        if escalate is None:
            return self._generated(model, request, first, usage)

        async def ask_stronger(sure: float) -> ModelResponse:
            self._emit(Escalated(self._step, sure, first.message))
            wider = replace(request, max_tokens=self._tokens_left())
            second = await self._respond(escalate.to, wider)
            if (fault := self._fault(escalate.to, wider, second)) is not None:
                raise fault
            return second

        answered = await unless_sure(replace(first, usage=usage), escalate, ask_stronger)
        if answered.confidence is None:
            return self._generated(model, request, first, usage)
        escalation = Escalation(first, answered.confidence, answered.failure)
        if answered.failure is not None:
            self._emit(EscalationFailed(self._step, answered.failure.message))
            return replace(self._generated(model, request, first, usage), escalation=escalation)
        response = answered.response
        return Generated(
            response.model or escalate.to.name,
            response.message,
            response.usage,
            response.finish_reason,
            escalation=escalation,
        )

    def _generated(
        self, model: Model, request: ModelRequest, response: ModelResponse, usage: ModelUsage
    ) -> Generated:
        fault = self._fault(model, request, response)
        name = response.model or model.name
        return Generated(name, response.message, usage, response.finish_reason, fault)

    def _least_sure(self, message: AssistantMessage) -> float | None:
        """The confidence of the least sure of the calls that are doubtful; None if none is."""
        doubt, registry = self._definition.doubt, self._definition.executor.registry
        assert doubt is not None
        found: list[float] = []
        for call in message.calls:
            tool = registry.get(call.name)
            if tool is not None and tool.pure and not doubt.pure:
                continue
            if (confidence := doubt.of(call)) is not None:
                found.append(confidence)
        return min(found, default=None)

    def _request(self) -> ModelRequest:
        definition, settings, state, step = self._definition, self._settings, self._state, self._step
        return ModelRequest(
            messages=state.transcript,
            tools=definition.executor.registry.definitions,
            output_schema=definition.output.schema,
            output_grammar=definition.output.grammar,
            # A call that is asked for at every turn would leave no turn for the answer.
            tool_choice=definition.tool_choice if step == 0 or definition.tool_choice == "none" else "auto",
            max_calls=settings.max_calls,
            max_tokens=self._tokens_left(),
            temperature=settings.temperature,
            confidence=settings.confidence or definition.escalate is not None or definition.doubt is not None,
            seed=None if state.seed is None else turn_seed(state.seed, step),
            local_seed=derive_seed(state.default_seed if state.seed is None else state.seed, step),
            program=state.run_id,
            priority=self._scope.priority,
            settled_calls=self._early is not None,
            ends_at=self._scope.ends_at,
        )

    async def _respond(self, model: Model, request: ModelRequest) -> ModelResponse:
        """Ask a model, within the run's limits and the shared budgets."""
        held: list[tuple[Budget, Reservation]] = []
        tokens, cost = 0, 0.0
        try:
            for budget in self._scope.budgets:
                reservation = await budget.reserve(request.max_tokens, most_cost(model, request))
                held.append((budget, reservation))
                if reservation.tokens is not None:
                    request = replace(request, max_tokens=reservation.tokens)
            response = await ask(
                model,
                request,
                self._step,
                self._watch,
                None if self._early is None else self._early.begin,
            )
            tokens, cost = response.usage.generated_tokens, response.usage.cost or 0.0
        except BudgetTooSmallError as error:
            if request.max_tokens == self._settings.max_tokens:
                raise
            raise LimitExceededError(
                f"the {request.max_tokens} tokens left are too few: {error.message}",
                hint="raise Limits(max_tokens=...), or the shared budget's",
            ) from error
        finally:
            for budget, reservation in held:
                budget.settle(reservation, tokens, cost)
        self._state.tokens += tokens
        return response

    def _tokens_left(self) -> int | None:
        """Token budget of the next turn; None: the model's own."""
        limit, most, used = self._limits.max_tokens, self._settings.max_tokens, self._state.tokens
        if limit is None:
            return most
        if limit <= used:
            raise LimitExceededError(f"no answer within {limit} tokens", hint="raise Limits(max_tokens=...)")
        left = limit - used
        return left if most is None else min(most, left)

    def _fault(self, model: Model, request: ModelRequest, response: ModelResponse) -> AgentFastError | None:
        """The error that a turn is if it was cut off, or does not keep to the tool choice."""
        if response.finish_reason == "length":
            return self._cut_off(request, response)
        if not fits_choice(request.tool_choice, response.message.calls):
            named = ", ".join(call.name for call in response.message.calls) or "no tool"
            return ModelError(
                f"model {model.name!r} called {named}, but tool_choice is {request.tool_choice!r}"
            )
        return None

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


def most_cost(model: Model, request: ModelRequest) -> Callable[[int], float]:
    """The most that the turn costs if it has so many tokens; 0 for a model without a price."""
    price = getattr(model, "price", None)
    if price is None:
        return lambda tokens: 0.0
    prompt = estimate_tokens(request.messages)
    return lambda tokens: float((prompt * price.input + tokens * price.output) / 1e6)
