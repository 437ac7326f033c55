"""A task: a request to run live, its tools, and the check of its outcome."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from agentfast.messages import ToolCall
from agentfast.nano.shop.database import Shop, State
from agentfast.nano.shop.tools import READS
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.scenarios import Kind
from agentfast.tools.definition import Tool

Effects = dict[tuple[str, int], tuple[Any, ...] | None]
"""(table, id) -> the row as it should be afterwards, None if it should be gone."""


@dataclass(frozen=True, slots=True)
class Task:
    """One request with its tools, its gold solution and the shop's expected changes.

    Attributes:
        desk: the desk's name, "" for invented tools.
        shop: the shop that the tools work on; None for invented tools.
        solution: the gold calls with their results, and the gold answer.
        effects: how the gold calls change the shop.
        before: the shop's state at the start; None if other tasks use the shop too.
    """

    kind: Kind
    prompt: str
    desk: str
    instructions: str
    tools: tuple[Tool[Any], ...]
    shop: Shop | None
    solution: Solution
    effects: Effects
    before: State | None

    def check(self, final_text: str, calls: Sequence[ToolCall]) -> bool:
        """True if the task is done: the answer has the expected values, and the shop is as the gold calls leave it.

        A request that no tool serves must be declined without a call. On a shop that is shared, the rows of
        this task must be right and no other changes be asked for.

        Args:
            final_text: the agent's last message.
            calls: every tool call that the agent made.
        """
        if not all(mentions(final_text, value) for value in self.solution.answer.expected):
            return False
        if not self.solution.turns:
            return not calls
        if self.shop is None:
            return same_calls(calls, self.solution.calls)
        asked = [call for call in calls if call.name not in READS]
        wanted = [call for call in self.solution.calls if call.name not in READS]
        if not self.effects and not _all_among(wanted, asked):
            return False  # what is to be written stands there already: it does not tell who wrote it
        if self.before is not None:
            return changes(self.before, self.shop.state()) == self.effects
        rows_are_right = all(self.shop.find(*key) == row for key, row in self.effects.items())
        return rows_are_right and _all_among(asked, wanted)


def mentions(text: str, value: str) -> bool:
    """True if `value` stands in `text` as a whole, in any case."""
    return bool(re.search(rf"(?<![\w.@-]){re.escape(value)}(?![\w@-]|\.\w)", text, re.IGNORECASE))


def changes(before: State, after: State) -> Effects:
    """Rows that differ."""
    found: Effects = {}
    for table, rows in after.items():
        old = before[table]
        found |= {(table, id_): row for id_, row in rows.items() if old.get(id_) != row}
        found |= {(table, id_): None for id_ in old if id_ not in rows}
    return found


def same_calls(calls: Sequence[ToolCall], gold: Sequence[ToolCall]) -> bool:
    """True if all gold calls were made, and no others."""
    return _all_among(gold, calls) and _all_among(calls, gold)


def _all_among(calls: Sequence[ToolCall], others: Sequence[ToolCall]) -> bool:
    """True if each of `calls` is one of the others; ids do not count."""
    made = [(other.name, other.arguments) for other in others]
    return all((call.name, call.arguments) in made for call in calls)


def is_valid_call(call: ToolCall, task: Task) -> bool:
    """True if the call names a tool of the task and its arguments match that tool's schema, by `jsonschema`."""
    schemas = {tool.name: tool.parameters for tool in task.tools}
    if call.name not in schemas:
        return False
    validator: Any = Draft202012Validator(
        schemas[call.name], format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    return bool(validator.is_valid(call.arguments))
