"""Doubtful turns, and the second answer of a stronger model: the rule of `Escalate` and of `CheapThenStrong`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from agentfast.errors import AgentFastError, ModelFaultError
from agentfast.messages import AssistantMessage, ToolCall
from agentfast.models.base import ModelResponse
from agentfast.tools.checks import check_choice, check_number
from agentfast.tools.confidence import Confidence

Measure = Literal["whole", "lowest"]
"""A confidence as one number: that of the call or answer as a whole, or of its least sure field."""

OnFailure = Literal["keep", "raise"]


class Rule(Protocol):
    """The threshold of doubt, and what happens if the stronger model fails."""

    @property
    def below(self) -> float: ...
    @property
    def measure(self) -> Measure: ...
    @property
    def on_failure(self) -> OnFailure: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """A turn that may have been asked for twice.

    Attributes:
        response: the one that counts, with the usage of both.
        confidence: of the doubtful first one; None if it was sure.
        failure: why the stronger model's does not count; None if it does, or was not asked for.
    """

    response: ModelResponse
    confidence: float | None = None
    failure: AgentFastError | None = None


def check_rule(owner: str, rule: Rule) -> None:
    """The numbers and words of a rule, named as arguments of `owner`.

    Raises:
        ConfigError: one is something else than it takes.
    """
    check_number(f"{owner}(below=...)", rule.below, above=0, most=1)
    check_choice(f"{owner}(measure=...)", rule.measure, ("whole", "lowest"))
    check_choice(f"{owner}(on_failure=...)", rule.on_failure, ("keep", "raise"))


def sureness(confidence: Confidence, measure: Measure) -> float:
    """The confidence as one number."""
    return confidence.lowest if measure == "lowest" else confidence.whole


def doubt_of(message: AssistantMessage, rule: Rule) -> float | None:
    """The confidence of a doubtful turn: that of its least sure part; None if there is nothing to doubt."""
    found = (message.confidence, *(call.confidence for call in message.calls))
    sure = [sureness(each, rule.measure) for each in found if each is not None]
    least = min(sure, default=1.0)
    return least if least < rule.below else None


async def unless_sure(
    first: ModelResponse, rule: Rule, ask: Callable[[float], Awaitable[ModelResponse]]
) -> Answered:
    """The first response, or the one that `ask` gives if that is doubtful.

    Args:
        first: the response of the cheaper model.
        rule: tells when it is doubtful.
        ask: the stronger model's response; given the confidence of the first.

    Raises:
        AgentFastError: the stronger model failed, and the rule raises that, or its failure is a bug of its own.
    """
    sure = doubt_of(first.message, rule)
    if sure is None:
        return Answered(first)
    try:
        second = await ask(sure)
    except AgentFastError as error:
        if rule.on_failure == "raise" or isinstance(error, ModelFaultError):
            raise
        return Answered(first, sure, error)
    return Answered(after(first, second), sure)


def after(first: ModelResponse, second: ModelResponse) -> ModelResponse:
    """The second response, with the usage of both."""
    return replace(second, usage=first.usage + second.usage)


def fits_choice(tool_choice: str, calls: Sequence[ToolCall]) -> bool:
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
