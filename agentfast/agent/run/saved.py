"""Saved runs: the state of a paused run as JSON, version 1 of the form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from agentfast.agent.bounds.repetition import Repetition
from agentfast.agent.calls.approval import ApprovalRequest, Decision, Reason, as_decision
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.json_form import messages_from_json, messages_to_json
from agentfast.agent.result import RunUsage, Step
from agentfast.agent.run.state import PendingTurn, RunState
from agentfast.errors import AgentFastError, ConfigError
from agentfast.messages import AssistantMessage, Message, ToolMessage, Transcript
from agentfast.models.base import FinishReason, ModelUsage
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.checks import listed, refuse, shown

VERSION: Final = 1


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Step(_Part):
    usage: dict[str, int | float | None]
    model_s: float
    tools_s: float
    durations_s: list[float]


class _Pending(_Part):
    messages: dict[str, Any]
    open: list[int]
    waiting: dict[str, Reason]
    noted: list[int]
    usage: dict[str, int | float | None]
    model_s: float
    tools_s: float
    finish_reason: FinishReason
    is_checked: bool


class _Form(_Part):
    version: Literal[1]
    run_id: str
    agent: str
    messages: dict[str, Any]
    seed: int | None
    default_seed: int
    steps: list[_Step]
    calls: int
    tokens: int
    rejections: int
    repeated: int
    failures: dict[str, int]
    elapsed_s: float
    nested: dict[str, int | float]
    pending: _Pending | None


class SavedRun:
    """A run that can go on: in this process or in another, by `Agent.resume` of an agent with the same tools.

    Attributes:
        run_id: unique among all runs.
        agent: name of the agent whose turn is next.
    """

    def __init__(self, form: _Form) -> None:
        """Take the checked form; `from_json` reads it."""
        self._form = form
        self.run_id = form.run_id
        self.agent = form.agent

    @classmethod
    def of(cls, state: RunState) -> Self:
        """The state of a run, as it is now."""
        pending = state.pending
        return cls(
            _Form(
                version=VERSION,
                run_id=state.run_id,
                agent=state.agent,
                messages=_written(state.transcript),
                seed=state.seed,
                default_seed=state.default_seed,
                steps=[_step(step) for step in state.steps],
                calls=state.calls,
                tokens=state.tokens,
                rejections=state.rejections,
                repeated=state.repetition.count,
                failures=dict(state.failures),
                elapsed_s=state.elapsed_s,
                nested=asdict(state.nested),
                pending=None if pending is None else _pending(pending),
            )
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: it is no saved run, or one of another version.
        """
        try:
            value: object = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise ConfigError(f"a saved run is JSON text, not {shown(text)}: {error}") from error
        version = cast("dict[str, object]", value).get("version") if isinstance(value, dict) else None
        if version != VERSION:
            raise ConfigError(
                f"this is no saved run of version {VERSION}: its version is {shown(version)}",
                hint="give what SavedRun.to_json wrote",
            )
        try:
            saved = cls(_Form.model_validate(value))
            saved.state()
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ConfigError(f"the saved run does not fit at {place}: {first['msg']}") from error
        return saved

    def to_json(self) -> str:
        """The run as JSON text."""
        return self._form.model_dump_json()

    def __repr__(self) -> str:
        return f"SavedRun(run_id={self.run_id!r}, agent={self.agent!r}, steps={len(self._form.steps)})"

    @property
    def requests(self) -> tuple[ApprovalRequest, ...]:
        """The calls that wait for a decision."""
        pending = self.state().pending
        return () if pending is None else tuple(pending.waiting[index] for index in sorted(pending.waiting))

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation, without the turn that is being acted on."""
        return tuple(_read(self._form.messages))

    def state(self) -> RunState:
        """The state to go on with, made anew at each call.

        Raises:
            ConfigError: the messages are no conversation, or do not fit the steps.
        """
        form = self._form
        messages = _read(form.messages)
        steps = _steps(form.steps, messages)
        pending = None if form.pending is None else self._restored(form.pending, len(steps))
        state = RunState(
            form.run_id,
            form.agent,
            Transcript(messages),
            CallIds.of([*messages, *([] if pending is None else [pending.message])]),
            form.seed,
            form.default_seed,
            Repetition(None, form.repeated),
            steps,
            form.calls,
            form.tokens,
            form.rejections,
            dict(form.failures),
            form.elapsed_s,
            RunUsage(**form.nested),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            pending,
        )
        turns = [step.message for step in steps]
        if pending is not None and pending.is_checked:
            turns.append(pending.message)
        calls = [call for turn in turns for call in turn.calls]
        state.repetition.last = calls[-1] if calls else None
        return state

    def _restored(self, form: _Pending, step: int) -> PendingTurn:
        message, *told = _read(form.messages)
        if not isinstance(message, AssistantMessage) or len(told) != len(message.calls):
            raise ConfigError("the saved run's last turn does not fit its results")
        results = [None if index in form.open else _result(each) for index, each in enumerate(told)]
        waiting = {
            int(key): ApprovalRequest(self.run_id, self.agent, step, _at(message, int(key)), reason)
            for key, reason in form.waiting.items()
        }
        return PendingTurn(
            message,
            results,
            ModelUsage(**form.usage),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            form.model_s,
            form.tools_s,
            form.finish_reason,
            is_checked=form.is_checked,
            noted=set(form.noted),
            waiting=waiting,
        )


def resumed(saved: SavedRun, decisions: Mapping[str, Decision | bool]) -> RunState:
    """The state to go on with, with decisions on the calls that wait, by their ids.

    Raises:
        ConfigError: it is no saved run, or a decision is on no call that waits.
        ApprovalError: a decision is none.
    """
    if not isinstance(saved, SavedRun):  # pyright: ignore[reportUnnecessaryIsInstance]
        hint = "SavedRun.from_json(text) reads it" if isinstance(saved, (str, bytes)) else None
        refuse("state", saved, "a SavedRun, such as a RunPausedError's state", hint=hint)
    state = saved.state()
    waiting = {} if state.pending is None else state.pending.waiting
    places = {request.call.id: index for index, request in waiting.items()}
    for call_id, decision in decisions.items():
        if call_id not in places:
            waits = listed(list(places)) if places else "none does"
            raise ConfigError(f"no call {call_id!r} waits for a decision", hint=f"waiting: {waits}")
        assert state.pending is not None
        state.pending.decisions[places[call_id]] = as_decision(decision, f"the decision on {call_id!r} is")
    return state


class RunPausedError(AgentFastError):
    """The run waits for decisions on calls. `Agent.resume(error.state, {call_id: True})` goes on with it.

    Attributes:
        state: the run; `state.to_json()` lets another process go on with it.
        requests: the calls that wait.
    """

    def __init__(self, state: SavedRun, requests: tuple[ApprovalRequest, ...]) -> None:
        named = ", ".join(f"{request.call.name} ({request.call.id})" for request in requests)
        super().__init__(
            f"run {state.run_id} waits for a decision on {named}",
            hint="agent.resume(error.state, {call_id: True or False}) goes on; Agent(approve=...) decides in place",
        )
        self.state = state
        self.requests = requests


def _written(messages: Transcript | list[Message]) -> dict[str, Any]:
    form: dict[str, Any] = json.loads(messages_to_json(messages))
    return form


def _read(form: Mapping[str, Any]) -> list[Message]:
    return messages_from_json(json.dumps(form))


def _step(step: Step) -> _Step:
    return _Step(
        usage=asdict(step.usage),
        model_s=step.model_s,
        tools_s=step.tools_s,
        durations_s=[result.duration_s for result in step.results],
    )


def _pending(pending: PendingTurn) -> _Pending:
    told: list[Message] = [pending.message]
    for call, result in zip(pending.message.calls, pending.results, strict=True):
        told.append(ToolMessage("null", call.name, call.id) if result is None else ToolMessage.of(result))
    return _Pending(
        messages=_written(told),
        open=[index for index, result in enumerate(pending.results) if result is None],
        waiting={str(index): request.reason for index, request in pending.waiting.items()},
        noted=sorted(pending.noted),
        usage=asdict(pending.usage),
        model_s=pending.model_s,
        tools_s=pending.tools_s,
        finish_reason=pending.finish_reason,
        is_checked=pending.is_checked,
    )


def _steps(forms: list[_Step], messages: list[Message]) -> list[Step]:
    """The steps, each with its turn: the last turns of the conversation are theirs."""
    turns = [index for index, message in enumerate(messages) if isinstance(message, AssistantMessage)]
    if len(turns) < len(forms):
        raise ConfigError(f"the saved run has {len(forms)} steps, but {len(turns)} turns")
    steps: list[Step] = []
    for form, at in zip(forms, turns[len(turns) - len(forms) :], strict=True):
        message = messages[at]
        assert isinstance(message, AssistantMessage)
        told = messages[at + 1 : at + 1 + len(message.calls)]
        results = tuple(
            _result(each, duration_s) for each, duration_s in zip(told, form.durations_s, strict=False)
        )
        usage = ModelUsage(**form.usage)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        steps.append(Step(message, results, usage, form.model_s, form.tools_s))
    return steps


def _result(message: Message, duration_s: float = 0.0) -> ToolResult:
    if not isinstance(message, ToolMessage):
        raise ConfigError("the saved run's last turn does not fit its results")
    return ToolResult(message.call_id, message.name, message.content, message.is_error, duration_s)


def _at(message: AssistantMessage, index: int) -> ToolCall:
    if not 0 <= index < len(message.calls):
        raise ConfigError(f"the saved run's last turn has no call {index}")
    return message.calls[index]
