"""The scenarios of the shop, desk by desk."""

from __future__ import annotations

from functools import cache

from agentfast.nano.shop.splits import Split
from agentfast.nano.tasks.scenarios import calendar, chains, customers, messages, orders, stock
from agentfast.nano.tasks.scenarios.base import SCENARIOS, Answer, Draw, Kind, Rows, Scenario, Script

__all__ = [
    "SCENARIOS",
    "Answer",
    "Draw",
    "Kind",
    "Rows",
    "Scenario",
    "Script",
    "calendar",
    "chains",
    "customers",
    "messages",
    "of",
    "orders",
    "stock",
]


@cache
def of(
    kind: Kind, split: Split, desk: str | None = None, *, untested: bool = False
) -> tuple[tuple[Scenario, ...], ...]:
    """Scenarios of a kind that a split uses, of one desk or of all, by family: families count alike.

    Args:
        untested: also those that no task is made of.
    """
    families: dict[tuple[str, str], list[Scenario]] = {}
    for made in SCENARIOS:
        wanted = made.kind == kind and desk in (None, made.desk) and (made.tested or untested)
        if wanted and made.belongs_to(split):
            families.setdefault((made.desk, made.family or made.name), []).append(made)
    return tuple(tuple(family) for family in families.values())
