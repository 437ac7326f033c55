"""The scope of a run: what the runs that its tools start inherit, found by a context variable."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass

from agentfast.agent.bounds.budget import Budget
from agentfast.agent.result import NO_USAGE, RunUsage
from agentfast.agent.sinks import Sink


@dataclass(slots=True, eq=False)
class Scope:
    """Bounds of a run that hold for the runs inside it as well, and the sum of what those used.

    Attributes:
        run_id: of the run.
        ends_at: end of its time by time.monotonic; None: it has no deadline.
        budgets: shared budgets, from the innermost out.
        priority: of the run's requests.
        sinks: receivers of events of the runs inside, too.
        nested: usage of the runs inside, also of those that failed.
    """

    run_id: str
    ends_at: float | None = None
    budgets: tuple[Budget, ...] = ()
    priority: int = 0
    sinks: tuple[Sink, ...] = ()
    nested: RunUsage = NO_USAGE

    @property
    def seconds_left(self) -> float | None:
        """Time until the deadline; None if there is none."""
        return None if self.ends_at is None else self.ends_at - time.monotonic()


current_scope: ContextVar[Scope | None] = ContextVar("agentfast_run", default=None)
"""The run whose tool the present code belongs to. Tasks and worker threads of a tool have it as well."""

current_call: ContextVar[str | None] = ContextVar("agentfast_call", default=None)
"""The id of the call that the present code belongs to."""
