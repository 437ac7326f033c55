"""The same call again and again: the model is told at the second, and the run ends at a later one."""

from __future__ import annotations

import json
from dataclasses import replace

import pydantic_core

from agentfast.agent.errors import LimitExceededError
from agentfast.messages import AssistantMessage
from agentfast.tools.call import ToolCall, ToolResult


class Repetition:
    """The calls of a run, in order, as far as they repeat the one before."""

    def __init__(self, most: int | None) -> None:
        """Take the number of identical calls in a row that ends the run; None is no limit."""
        self._most = most
        self._last: ToolCall | None = None
        self._count = 0
        self._noted: set[int] = set()

    def check(self, message: AssistantMessage) -> None:
        """Count a turn's calls.

        Raises:
            LimitExceededError: one of them is identical to too many before it.
        """
        self._noted.clear()
        if self._most is None:
            return
        for index, call in enumerate(message.calls):
            self._count = self._count + 1 if self._last is not None and _are_alike(self._last, call) else 1
            self._last = call
            if self._count >= self._most:
                self._noted.clear()
                raise LimitExceededError(
                    f"{call.name} was called {self._count} times in a row with the same arguments",
                    hint="its result may lack what the model needs to go on; or raise"
                    " Limits(max_identical_calls=...)",
                )
            if self._count > 1:
                self._noted.add(index)

    def told(self, results: tuple[ToolResult, ...]) -> tuple[ToolResult, ...]:
        """The turn's results; that of a repeated call says so, too."""
        if not self._noted:
            return results
        return tuple(
            replace(result, content=self._with_note(result)) if index in self._noted else result
            for index, result in enumerate(results)
        )

    def _with_note(self, result: ToolResult) -> str:
        note = pydantic_core.to_json(
            f"this call repeats the one before; {self._most} in a row end the run."
            " Use the result, change the arguments, or answer."
        ).decode()
        return f'{{"note":{note},"result":{result.content}}}'


def _are_alike(one: ToolCall, other: ToolCall) -> bool:
    if one.name != other.name or one.malformed != other.malformed or one.arguments != other.arguments:
        return False
    # To Python true is 1. The order of members does not matter.
    return json.dumps(one.arguments, sort_keys=True) == json.dumps(other.arguments, sort_keys=True)
