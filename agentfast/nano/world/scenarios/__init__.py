"""What can be asked of the shop, desk by desk."""

from __future__ import annotations

from functools import cache

from agentfast.nano.world.scenarios import calendar, customers, messages, orders, stock
from agentfast.nano.world.scenarios.base import SCENARIOS, Answer, Draw, Kind, Rows, Scenario, Script

__all__ = [
    "SCENARIOS",
    "Answer",
    "Draw",
    "Kind",
    "Rows",
    "Scenario",
    "Script",
    "calendar",
    "customers",
    "messages",
    "of",
    "orders",
    "stock",
]


@cache
def of(kind: Kind, desk: str | None = None) -> tuple[Scenario, ...]:
    """Scenarios of a kind, of one desk or of all."""
    return tuple(s for s in SCENARIOS if s.kind == kind and desk in (None, s.desk))
