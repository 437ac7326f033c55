"""The events of a streamed response, put together to the answer that it would have been in one piece."""

from __future__ import annotations

from typing import Any, Final

from agentfast.errors import ModelUnavailableError
from agentfast.models.openai.content import read_content
from agentfast.models.openai.http.complaints import check_error
from agentfast.models.openai.http.sse import DONE
from agentfast.models.openai.json_text import PairJoiner, as_list, as_object, mended, well_formed

_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})


class ResponseAssembler:
    """Takes an answer's events, or an answer that comes in one piece all the same."""

    def __init__(self) -> None:
        self._answer: Any = None
        self._items: dict[int, Any] = {}
        self._pairs = PairJoiner()

    def add(self, chunk: Any) -> str:
        """Take the next event, and return the text that it adds.

        Raises:
            ModelUnavailableError, ModelError: it tells of a failure.
        """
        event = as_object(chunk)
        kind = event.get("type")
        if kind == "response.output_text.delta":
            return self._pairs.add(str(event.get("delta") or ""))
        if kind == "response.output_item.done":
            index = event.get("output_index")
            self._items[index if isinstance(index, int) else len(self._items)] = event.get("item")
        elif kind in _ENDS:
            self._answer = event.get("response")
            check_error(self._answer)
        elif kind is None and chunk != DONE and self._answer is None:
            self._answer = chunk  # if it is of another kind, its reader says what is wrong with it
            return well_formed("".join(map(_text, as_list(event.get("output")))))
        return ""

    def body(self) -> Any:
        """The answer in one piece.

        Raises:
            ModelUnavailableError: the stream ended before the answer did.
        """
        if self._answer is None:
            raise ModelUnavailableError("the server's stream broke off in the middle of the turn")
        answer = as_object(self._answer)
        if answer and self._items and not answer.get("output"):  # some servers tell of each item once
            return mended({**answer, "output": [self._items[index] for index in sorted(self._items)]})
        return mended(self._answer)


def _text(item: Any) -> str:
    raw = as_object(item)
    return (read_content(raw.get("content")) or "") if raw.get("type") == "message" else ""
