"""Approval: calls that somebody decides on before they run, in this process or later, in another."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from agentfast.agent.errors import ApprovalError
from agentfast.errors import AgentFastError
from agentfast.messages import ToolCall
from agentfast.tools.checks import check_flag, check_text, refuse, shown

Reason = Literal["tool", "doubt", "interrupted"]
"""Why a call needs a decision: its tool says so, its confidence is low, or it may have run already."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A call that waits for a decision.

    Attributes:
        run_id: the run.
        agent: name of the agent.
        step: the turn that asked for the call, from 0.
        call: the call, with its confidence if the model gives one.
        reason: "tool": the tool requires approval; "doubt": the call's confidence is low; "interrupted": it had begun
            when the program ended, and may have taken effect.
    """

    run_id: str
    agent: str
    step: int
    call: ToolCall
    reason: Reason


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision on a call.

    Attributes:
        approved: the call runs; otherwise the model is told that it was denied.
        reason: told to the model with a denial.
        arguments: run the call with these in place of the model's own; they stand in the conversation, too.
    """

    approved: bool
    reason: str = ""
    arguments: Mapping[str, Any] | None = field(default=None)

    def __post_init__(self) -> None:
        check_flag("Decision(approved=...)", self.approved)
        check_text("Decision(reason=...)", self.reason)
        given = cast("object", self.arguments)
        if given is not None and not isinstance(given, Mapping):
            refuse("Decision(arguments=...)", self.arguments, "a dict of arguments, or None")
        if given is not None and not self.approved:
            refuse("Decision(arguments=...)", self.arguments, "None beside approved=False")


Approver = Callable[[ApprovalRequest], "Decision | bool | Awaitable[Decision | bool]"]
"""Decides on a call: True, False or a Decision; may be async."""


async def ask_approver(approver: Approver, request: ApprovalRequest) -> Decision:
    """The approver's decision.

    Raises:
        ApprovalError: the approver raised, or returned something else than a decision.
    """
    try:
        answer: object = approver(request)
        if inspect.isawaitable(answer):
            answer = await answer
    except AgentFastError:
        raise
    except Exception as error:
        raise ApprovalError(f"the approver raised {type(error).__name__}: {error}") from error
    return as_decision(answer, "the approver returned")


def as_decision(value: object, said: str) -> Decision:
    """A decision, or one made of True and False.

    Raises:
        ApprovalError: it is neither.
    """
    if isinstance(value, Decision):
        return value
    if isinstance(value, bool):
        return Decision(value)
    raise ApprovalError(f"{said} {shown(value)}", hint="a decision is True, False or Decision(...)")
