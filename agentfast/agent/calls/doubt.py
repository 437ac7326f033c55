"""Doubt: calls whose own confidence is low, and what is done in place of running them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from agentfast.messages import ToolCall
from agentfast.models.base import Model
from agentfast.models.composed.doubtful import Measure, sureness
from agentfast.tools.checks import check_choice, check_flag, check_integer, check_number


@dataclass(frozen=True, slots=True)
class Doubt:
    """Treatment of calls whose own confidence is low: they do not run unseen.

    A call without a confidence is not doubtful: not every model gives one.

    Attributes:
        below: a call of less confidence than this is doubtful; above 0, at most 1.
        then: "approve": the agent's approver decides, and without one the run pauses; "ask": the call does not run, and
            the model is told to ask the user what was meant; "retry": the turn is generated again with another seed, and
            a call that is doubtful still is refused; "refuse": the call does not run, and the model is told why.
        measure: a call's confidence is that of the call as a whole, or of its least sure field.
        pure: calls of tools without effects are held up as well.
        retries: turns generated again at most, for "retry".
    """

    below: float = 0.8
    then: Literal["ask", "retry", "approve", "refuse"] = "refuse"
    measure: Measure = "whole"
    pure: bool = False
    retries: int = 2

    def __post_init__(self) -> None:
        check_number("Doubt(below=...)", self.below, above=0, most=1)
        check_choice("Doubt(then=...)", self.then, ("ask", "retry", "approve", "refuse"))
        check_choice("Doubt(measure=...)", self.measure, ("whole", "lowest"))
        check_flag("Doubt(pure=...)", self.pure)
        check_integer("Doubt(retries=...)", self.retries, least=1)

    def of(self, call: ToolCall) -> float | None:
        """The confidence of a doubtful call; None if it is sure enough, or has none."""
        if call.confidence is None:
            return None
        sure = sureness(call.confidence, self.measure)
        return sure if sure < self.below else None

    def told(self, confidence: float) -> str:
        """The reason for the model to read why a call was not run."""
        advice = (
            "ask the user what exactly is meant"
            if self.then == "ask"
            else "check it against what the user said, and correct it or answer without it"
        )
        return f"not run: the call is doubtful (confidence {confidence:.2f}, at least {self.below:g} is needed); {advice}"


def model_doubt(model: Model) -> Doubt | None:
    """The treatment that a model asks for by its attribute `doubt`; None if it asks for none."""
    doubt = getattr(model, "doubt", None)
    return doubt if isinstance(doubt, Doubt) else None
