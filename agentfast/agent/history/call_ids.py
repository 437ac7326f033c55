"""Ids of calls, unique in a conversation, so that each result is of one call."""

from __future__ import annotations

from dataclasses import replace

from agentfast.messages import AssistantMessage


class CallIds:
    """The ids that a conversation has used."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._shift = (
            0  # of turns that were trimmed from the conversation's beginning, but whose ids lie in its rest
        )

    def complete(self, message: AssistantMessage, turn: int) -> AssistantMessage:
        """The message with an id of its own for each call: the model's if no other call has it, otherwise a new one.

        Args:
            message: the model's turn.
            turn: its number among the model's turns, from 0.
        """
        if not message.calls:
            return message
        calls = list(message.calls)
        for index, call in enumerate(calls):
            if not call.id or call.id in self._taken:
                calls[index] = replace(call, id=self._new(turn, index, {other.id for other in calls}))
            self._taken.add(calls[index].id)
        same = all(new is old for new, old in zip(calls, message.calls, strict=True))
        return message if same else replace(message, calls=tuple(calls))

    def _new(self, turn: int, index: int, others: set[str]) -> str:
        while (made := f"call_{turn + self._shift}_{index}") in self._taken or made in others:
            self._shift += 1
        return made
