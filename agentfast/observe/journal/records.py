"""Records of a run: what is written at each event, and how a run's state is made from them again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from agentfast.agent.bounds.repetition import Repetition
from agentfast.agent.calls.approval import ApprovalRequest, Decision
from agentfast.agent.events import (
    AgentEvent,
    ApprovalAsked,
    ApprovalGiven,
    CallRefused,
    CallsProposed,
    HandedOff,
    OutputRejected,
    RunFailed,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFinished,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnGenerated,
)
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.json_form import decode_message, encode_message
from agentfast.agent.run.state import PendingTurn, RunState, instructed, rejection, with_arguments
from agentfast.errors import JournalError
from agentfast.messages import AssistantMessage, Transcript
from agentfast.models.base import ModelUsage
from agentfast.observe.journal.store import Record
from agentfast.tools.call import ToolResult

_MANY: Final = 1 << 62

to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=repr).encode


def record_of(event: AgentEvent[Any]) -> tuple[str, dict[str, Any]] | None:
    """Kind and body of an event's record; None for an event that needs none."""
    if isinstance(event, RunFailed):
        said = (
            None
            if event.error is None
            else {"kind": type(event.error).__name__, "message": event.error.message}
        )
        return ("cancelled" if said is None else "failed"), {"error": said}
    found = _RECORDS.get(type(event))
    return None if found is None else (found[0], found[1](event))


def first_record(event: RunStarted) -> dict[str, Any]:
    """Body of a run's first record."""
    return {
        "messages": [encode_message(message) for message in event.messages],
        "agent": event.agent,
        "model": event.model,
        "seed": event.seed,
        "default_seed": event.default_seed,
    }


class Restoration:
    """A run's state, made from its records.

    Attributes:
        state: the state.
        begun: calls of the pending turn that had begun, and whose results are not known.
        decisions: on calls of the pending turn that have not begun, by their ids.
    """

    def __init__(self, run_id: str, records: Iterable[Record]) -> None:
        """Read the records.

        Raises:
            JournalError: they are not those of a run.
        """
        first, *rest = records
        body = json.loads(first.body)
        if first.kind != "started":
            raise JournalError(f"the journal's records of run {run_id!r} begin with {first.kind!r}")
        messages = [decode_message(message) for message in body["messages"]]
        self.state = RunState(
            run_id,
            body["agent"],
            Transcript(messages),
            CallIds.of(messages),
            body["seed"],
            body["default_seed"],
            Repetition(),
        )
        self.begun: set[str] = set()
        self.decisions: dict[str, Decision] = {}
        for record in rest:
            self._follow(record.kind, json.loads(record.body))
        self._forget_cut_off_turn()

    def interrupted(self, may_repeat: Callable[[str], bool]) -> None:
        """Hold up the calls that had begun, but for those of tools that may be called again."""
        pending = self.state.pending
        if pending is None:
            return
        for index, call in enumerate(pending.message.calls):
            if call.id not in self.begun or pending.results[index] is not None:
                continue
            if not may_repeat(call.name):
                pending.waiting[index] = ApprovalRequest(
                    self.state.run_id, self.state.agent, self.state.step, call, "interrupted"
                )

    def _follow(self, kind: str, body: Mapping[str, Any]) -> None:
        state = self.state
        match kind:
            case "turn":
                message = decode_message(body["message"])
                assert isinstance(message, AssistantMessage)
                usage = ModelUsage(**body["usage"])
                state.pending = PendingTurn(
                    message,
                    [None] * len(message.calls),
                    usage,
                    body["model_s"],
                    finish_reason=body["finish_reason"],
                )
                state.tokens += usage.generated_tokens
                self.begun.clear()
                self.decisions.clear()
            case "proposed" if state.pending is not None and not state.pending.is_checked:
                state.pending.is_checked = True
                state.calls += len(state.pending.message.calls)
                state.pending.noted = state.repetition.check(state.pending.message, _MANY)
            case "asked" if state.pending is not None:
                index = _place(state.pending, body["call"])
                call = state.pending.message.calls[index]
                state.pending.waiting[index] = ApprovalRequest(
                    state.run_id, state.agent, state.step, call, body["reason"]
                )
            case "decided":
                given = Decision(body["approved"], body["reason"], body["arguments"])
                self.decisions[body["call"]] = given
            case "tool started" if state.pending is not None:
                self._begin(state.pending, body["call"])
            case "tool finished" if state.pending is not None:
                state.pending.results[_place(state.pending, body["call"])] = _result_of(body)
            case "step" if state.pending is not None:
                results = tuple(_result_of(each) for each in body["results"])
                for result in results:
                    state.count_failure(result)
                state.append(state.pending, results)
            case "rejected":
                state.rejections += 1
                state.transcript.append(rejection(body["reason"]))
            case "handed off":
                state.agent = body["agent"]
                state.failures.clear()
                state.transcript = instructed(state.transcript, body["instructions"])
            case _:
                pass

    def _begin(self, pending: PendingTurn, call_id: str) -> None:
        self.begun.add(call_id)
        index = _place(pending, call_id)
        pending.waiting.pop(index, None)
        decision = self.decisions.pop(call_id, None)
        if decision is not None and decision.arguments is not None:
            pending.message = with_arguments(pending.message, index, decision.arguments)

    def _forget_cut_off_turn(self) -> None:
        """Leave out a turn that the model was cut off in: it is generated again."""
        pending = self.state.pending
        if pending is not None and pending.finish_reason == "length":
            self.state.tokens -= pending.usage.generated_tokens
            self.state.pending = None


def _place(pending: PendingTurn, call_id: str) -> int:
    return [call.id for call in pending.message.calls].index(call_id)


def _result(result: ToolResult) -> dict[str, Any]:
    return {
        "call": result.call_id,
        "name": result.name,
        "content": result.content,
        "is_error": result.is_error,
        "duration_s": result.duration_s,
    }


def _result_of(body: Mapping[str, Any]) -> ToolResult:
    return ToolResult(body["call"], body["name"], body["content"], body["is_error"], body["duration_s"])


def _turn(event: TurnGenerated) -> dict[str, Any]:
    return {
        "message": encode_message(event.message),
        "model": event.model,
        "usage": asdict(event.usage),
        "model_s": event.duration_s,
        "finish_reason": event.finish_reason,
    }


def _decided(event: ApprovalGiven) -> dict[str, Any]:
    decision = event.decision
    given = None if decision.arguments is None else dict(decision.arguments)
    return {
        "call": event.call.id,
        "approved": decision.approved,
        "reason": decision.reason,
        "arguments": given,
    }


def _done(event: RunFinished[Any]) -> dict[str, Any]:
    run = event.result
    output = run.steps[-1].message.text if run.steps else ""
    return {"output": output, "usage": asdict(run.usage), "duration_s": run.duration_s}


_RECORDS: Final[Mapping[type, tuple[str, Callable[[Any], dict[str, Any]]]]] = {
    StepStarted: ("requested", lambda event: {"step": event.step}),
    TurnGenerated: ("turn", _turn),
    CallsProposed: ("proposed", lambda event: {}),
    ApprovalAsked: ("asked", lambda event: {"call": event.request.call.id, "reason": event.request.reason}),
    ApprovalGiven: ("decided", _decided),
    CallRefused: ("refused", lambda event: {"call": event.call.id, "confidence": event.confidence}),
    ToolStarted: ("tool started", lambda event: {"call": event.call.id, "name": event.call.name}),
    ToolFinished: ("tool finished", lambda event: _result(event.result)),
    StepFinished: ("step", lambda event: {"results": [_result(result) for result in event.results]}),
    OutputRejected: ("rejected", lambda event: {"reason": event.reason}),
    HandedOff: ("handed off", lambda event: {"agent": event.agent, "instructions": event.instructions}),
    RunPaused: ("paused", lambda event: {"calls": [request.call.id for request in event.requests]}),
    RunFinished: ("done", _done),
}
