"""Ids of calls, unique in a conversation, so that each result is of one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from agentfast.messages import AssistantMessage, Message, ToolCall


class CallIds:
    """The ids that a conversation has used."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        # Of turns that were trimmed from the conversation's beginning, but whose ids lie in its rest.
        self._shift = 0

    @classmethod
    def of(cls, messages: Iterable[Message]) -> CallIds:
        """The ids of a conversation's calls, each of which has one."""
        ids = cls()
        for message in messages:
            if isinstance(message, AssistantMessage):
                ids._taken.update(call.id for call in message.calls)
        return ids

    def complete(self, message: AssistantMessage, turn: int) -> AssistantMessage:
        """The message with an id of its own for each call: the model's if no other call has it, otherwise a new one.

        Args:
            message: the model's turn.
            turn: its number among the model's turns, from 0.
        """
        calls = message.calls
        if not calls:
            return message
        given = {call.id for call in calls}
        if "" not in given and len(given) == len(calls) and given.isdisjoint(self._taken):
            self._taken |= given
            return message
        completed = [self._completed(call, turn, index, given) for index, call in enumerate(calls)]
        return replace(message, calls=tuple(completed))

    def _completed(self, call: ToolCall, turn: int, index: int, given: set[str]) -> ToolCall:
        if not call.id or call.id in self._taken:
            while (made := f"call_{turn + self._shift}_{index}") in self._taken or made in given:
                self._shift += 1
            call = replace(call, id=made)
        self._taken.add(call.id)
        return call
