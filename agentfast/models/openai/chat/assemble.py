"""The chunks of a streamed answer, put together to the answer that it would have been in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfast.errors import ModelUnavailableError
from agentfast.models.openai.content import read_content
from agentfast.models.openai.http.sse import DONE
from agentfast.models.openai.json_text import PairJoiner, as_list, as_object, mended, well_formed


class ChatAssembler:
    """Takes an answer's chunks, or an answer that comes in one piece all the same."""

    def __init__(self) -> None:
        self._whole: Any = None
        self._texts: list[str] = []
        self._pairs = PairJoiner()
        self._refusal = ""
        self._calls: list[dict[str, Any]] = []
        self._places: dict[int, dict[str, Any]] = {}
        self._chunks = 0
        self._is_begun = False
        self._reason: Any = None
        self._stop_reason: Any = None
        self._logprobs: list[Any] = []
        self._usage: Any = None

    def add(self, chunk: Any) -> str:
        """Take the next chunk, and return the text that it adds.

        Raises:
            ModelError: it holds what is not text.
        """
        if chunk == DONE:
            self._reason = self._reason or "stop"
            return ""
        self._chunks += 1
        raw = as_object(chunk)
        choice = as_object(_first(raw.get("choices")))
        if self._chunks == 1:
            self._whole = chunk
            if message := _message(chunk):
                return well_formed(read_content(message.get("content")) or "")
        self._usage = raw.get("usage") or self._usage
        if choice.get("index"):
            return ""  # another answer, which nobody asked for
        self._reason = choice.get("finish_reason") or self._reason
        if choice.get("error"):
            self._reason = "error"
        self._stop_reason = choice.get("stop_reason", self._stop_reason)
        self._logprobs += as_list(as_object(choice.get("logprobs")).get("content"))
        self._is_begun = self._is_begun or "delta" in choice
        return self._add_delta(as_object(choice.get("delta")))

    def body(self) -> Any:
        """The answer in one piece.

        Raises:
            ModelUnavailableError: the stream ended before the answer did.
        """
        is_whole = self._chunks == 1 and not self._is_begun and self._reason is None
        if is_whole or _message(self._whole):
            return mended(self._whole)  # if it is of another kind, its reader says what is wrong with it
        if self._reason is None:
            raise ModelUnavailableError("the server's stream broke off in the middle of the turn")
        message: dict[str, Any] = {
            "content": "".join(self._texts) + self._pairs.half if self._texts or self._pairs.half else None,
            "refusal": self._refusal,
            "tool_calls": [{"id": call["id"], "function": call} for call in self._calls],
        }
        choice = {
            "message": message,
            "finish_reason": self._reason,
            "stop_reason": self._stop_reason,
            "logprobs": {"content": self._logprobs},
        }
        return mended({"choices": [choice], "usage": self._usage})

    def _add_delta(self, delta: Mapping[str, Any]) -> str:
        self._refusal += str(delta.get("refusal") or "")
        for raw in as_list(delta.get("tool_calls")):
            self._add_call(as_object(raw), as_object(as_object(raw).get("function")))
        if legacy := as_object(delta.get("function_call")):
            self._add_call({"index": 0}, legacy)
        text = self._pairs.add(read_content(delta.get("content")) or "")
        if text or delta.get("content") == "":
            self._texts.append(text)
        return text

    def _add_call(self, raw: Mapping[str, Any], function: Mapping[str, Any]) -> None:
        call = self._call_of(raw.get("index"), raw.get("id"), function.get("name"))
        name, written = function.get("name"), function.get("arguments")
        if isinstance(name, str) and name != call["name"]:
            call["name"] += name
        if isinstance(written, str) and isinstance(call["arguments"], str):
            call["arguments"] += written
        elif written is not None:
            call["arguments"] = written  # an object, whole

    def _call_of(self, index: Any, id_: Any, name: Any) -> dict[str, Any]:
        """The call that a delta goes on with: by its index, unless servers number all calls alike, or the last one."""
        last = self._calls[-1] if self._calls else None
        call = self._places.get(index) if isinstance(index, int) else last
        is_new = call is None or (id_ and call["id"] and id_ != call["id"])
        if not isinstance(index, int):
            is_new = is_new or bool(name and not id_)
        if call is None or is_new:
            call = {"id": id_ or "", "name": "", "arguments": ""}
            self._calls.append(call)
            if isinstance(index, int):
                self._places[index] = call
        call["id"] = call["id"] or id_ or ""
        return call


def _message(answer: Any) -> Mapping[str, Any]:
    """The message of an answer in one piece; empty for a chunk."""
    choice = as_object(_first(as_object(answer).get("choices")))
    return {} if "delta" in choice else as_object(choice.get("message"))


def _first(value: Any) -> Any:
    return next(iter(as_list(value)), None)
