"""Escalation: asking a stronger model for a turn of low confidence again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentfast.agent.calls.doubt import sureness
from agentfast.messages import AssistantMessage
from agentfast.models.base import Model, check_model
from agentfast.tools.checks import check_choice, check_number


@dataclass(frozen=True, slots=True)
class Escalate:
    """Re-ask a stronger model each turn whose calls or typed answer are doubtful; its answer is then the turn's.

    A turn is as sure as its least sure call. A turn without a confidence (plain text, or a model that gives none) is
    never doubtful. Tokens of both answers count for the run's limits.

    Attributes:
        to: the stronger model. It sees the conversation as the first one did, not the doubtful answer.
        below: a turn of less confidence than this is doubtful; above 0, at most 1.
        measure: what a call's confidence is: that of the call as a whole, which tells right from wrong best on the
            embedded model, or of its least sure field.
        on_failure: what happens if the stronger model fails: the doubtful answer is kept, and the step says why; or
            the stronger model's error is raised.
    """

    to: Model
    below: float = 0.8
    measure: Literal["whole", "lowest"] = "whole"
    on_failure: Literal["keep", "raise"] = "keep"

    def __post_init__(self) -> None:
        check_model("Escalate(to=...)", self.to)
        check_number("Escalate(below=...)", self.below, above=0, most=1)
        check_choice("Escalate(measure=...)", self.measure, ("whole", "lowest"))
        check_choice("Escalate(on_failure=...)", self.on_failure, ("keep", "raise"))

    def doubt(self, message: AssistantMessage) -> float | None:
        """The confidence of a doubtful turn; None if there is nothing to doubt."""
        found = (message.confidence, *(call.confidence for call in message.calls))
        sure = [sureness(each, self.measure) for each in found if each is not None]
        least = min(sure, default=1.0)
        return least if least < self.below else None
