"""Escalation: asking a stronger model for a turn of low confidence again."""

from __future__ import annotations

from dataclasses import dataclass

from agentfast.messages import AssistantMessage
from agentfast.models.base import Model, check_model
from agentfast.models.composed.doubtful import Measure, OnFailure, check_rule, doubt_of


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

    `CheapThenStrong` is the same rule as a model, for any place that takes one; here a run tells of it by its events.
    """

    to: Model
    below: float = 0.8
    measure: Measure = "whole"
    on_failure: OnFailure = "keep"

    def __post_init__(self) -> None:
        check_model("Escalate(to=...)", self.to)
        check_rule("Escalate", self)

    def doubt(self, message: AssistantMessage) -> float | None:
        """The confidence of a doubtful turn; None if there is nothing to doubt."""
        return doubt_of(message, self)
