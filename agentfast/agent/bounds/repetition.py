"""The same call again and again: the model is told at the second, and the run ends at a later one."""

from __future__ import annotations

import json
from dataclasses import replace

import pydantic_core

from agentfast.agent.errors import LimitExceededError
from agentfast.messages import AssistantMessage
from agentfast.tools.call import ToolCall, ToolResult


class Repetition:
    """The calls of a run, in order, as far as they repeat the one before.

    Attributes:
        last: the last call.
        count: how often it was made in a row.
    """

    __slots__ = ("count", "last")

    def __init__(self, last: ToolCall | None = None, count: int = 0) -> None:
        """Take the call that the run made last, if it goes on."""
        self.last = last
        self.count = count

    def check(self, message: AssistantMessage, most: int | None) -> set[int]:
        """Count a turn's calls: the places of those that repeat the one before.

        Raises:
            LimitExceededError: one of them is the last of `most` identical ones in a row.
        """
        noted: set[int] = set()
        if most is None:
            return noted
        for index, call in enumerate(message.calls):
            self.count = self.count + 1 if self.last is not None and _are_alike(self.last, call) else 1
            self.last = call
            if self.count >= most:
                raise LimitExceededError(
                    f"{call.name} was called {self.count} times in a row with the same arguments",
                    hint="its result may lack what the model needs to go on; or raise"
                    " Limits(max_identical_calls=...)",
                )
            if self.count > 1:
                noted.add(index)
        return noted


def with_notes(results: tuple[ToolResult, ...], noted: set[int], most: int | None) -> tuple[ToolResult, ...]:
    """A turn's results; that of a repeated call says so, too."""
    if not noted:
        return results
    note = pydantic_core.to_json(
        f"this call repeats the one before; {most} in a row end the run."
        " Use the result, change the arguments, or answer."
    ).decode()
    return tuple(
        replace(result, content=f'{{"note":{note},"result":{result.content}}}') if index in noted else result
        for index, result in enumerate(results)
    )


def _are_alike(one: ToolCall, other: ToolCall) -> bool:
    if one.name != other.name or one.malformed != other.malformed or one.arguments != other.arguments:
        return False
    # To Python true is 1. The order of members does not matter.
    return json.dumps(one.arguments, sort_keys=True) == json.dumps(other.arguments, sort_keys=True)
