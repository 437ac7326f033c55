"""Calls in a turn that is still being denoised: those whose tokens the next step keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from agentfast.chat.base import ChatFormat, Segment
from agentfast.errors import ModelError
from agentfast.messages import ToolCall
from agentfast.runtime.scheduling.request import CanvasUpdate


class TurnDraft:
    """The draft of a turn, canvas after canvas."""

    def __init__(self, chat: ChatFormat, decode: Callable[[Sequence[int]], Iterable[Segment]]) -> None:
        """Take the format, and the decoder of tokens."""
        self._chat = chat
        self._decode = decode
        self._committed: list[int] = []
        self._known: tuple[ToolCall, ...] = ()

    def add(self, update: CanvasUpdate) -> tuple[ToolCall, ...]:
        """Take a canvas: the calls up to the first position that is not settled, if they changed; otherwise none."""
        del self._committed[update.start :]
        settled = update.tokens
        if not update.committed:
            first_open = next((at for at, kept in enumerate(update.accepted) if not kept), len(settled))
            settled = settled[:first_open]
        try:
            calls = complete_calls(self._chat, list(self._decode([*self._committed, *settled])))
        except ModelError:  # it ends within a character
            calls = self._known
        if update.committed:
            self._committed += update.tokens
        if calls == self._known:
            return ()
        self._known = calls
        return calls


def complete_calls(chat: ChatFormat, segments: Sequence[Segment]) -> tuple[ToolCall, ...]:
    """The calls at the beginning of a turn, whose rest is not known."""
    for end in range(len(segments), 0, -1):
        try:
            calls = chat.parse(segments[:end]).calls
        except ModelError:  # it ends within a call
            continue
        return calls
    return ()
