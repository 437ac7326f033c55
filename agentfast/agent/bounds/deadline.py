"""The deadline of a run: the first to end of its own, its shared budgets' and that of the run around it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from agentfast.agent.bounds.budget import Budget


@dataclass(frozen=True, slots=True)
class Deadline:
    """A deadline, and how to say that it is over.

    Attributes:
        ends_at: by time.monotonic.
        text: says that it is over.
        hint: advice on how to have more time.
    """

    ends_at: float
    text: str
    hint: str


def first_deadline(
    own_s: float | None, elapsed_s: float, budgets: Sequence[Budget], outer: float | None
) -> Deadline | None:
    """The deadline that ends first; None if there is none.

    Args:
        own_s: seconds that the run may take as a whole.
        elapsed_s: seconds that it took before.
        budgets: the shared ones; their time begins now, unless it has begun.
        outer: end of the time of the run around it, by time.monotonic.
    """
    if own_s is None and outer is None and not budgets:
        return None
    found: list[Deadline] = []
    if own_s is not None:
        ends_at = time.monotonic() + own_s - elapsed_s
        found.append(
            Deadline(ends_at, f"the deadline of {own_s:g} s is over", "raise Limits(deadline_s=...)")
        )
    for budget in budgets:
        if (end := budget.start()) is not None:
            said = f"the shared budget of {budget.seconds:g} s is used up"
            found.append(Deadline(end, said, "raise Budget(seconds=...), or make a new one"))
    if outer is not None:
        said = "the deadline of the run around this one is over"
        found.append(Deadline(outer, said, "give the outer run more time"))
    return min(found, key=lambda deadline: deadline.ends_at, default=None)
