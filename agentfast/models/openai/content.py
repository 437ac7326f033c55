"""The content of a server's message: text, or a list of parts."""

from __future__ import annotations

from typing import Any

from agentfast.errors import ModelError
from agentfast.models.openai.json_text import as_list, as_object

_TEXT = frozenset({"text", "output_text", "input_text"})
_THOUGHT = frozenset({"reasoning", "reasoning_text", "thinking", "redacted_thinking", "summary_text"})


def read_content(content: Any) -> str | None:
    """The text of a message; None: it has none. A model's reasoning is no part of it.

    Raises:
        ModelError: there is something that is not text, e.g. an image, or the model refused.
    """
    if content is None or isinstance(content, str):
        return content
    parts = as_list(content) or ([content] if as_object(content) else [])
    if not parts and content not in ([], {}):
        raise ModelError(f"the content of the server's message is not text: {content!r:.300}")
    texts = [_read_part(part) for part in parts]
    found = [text for text in texts if text is not None]
    return "".join(found) if found else None


def _read_part(part: Any) -> str | None:
    match part:
        case str():
            return part
        case {"type": "refusal", "refusal": reason}:
            raise ModelError(f"the model refused: {reason}")
        case {"type": str(kind)} if kind in _THOUGHT:
            return None
        case {"type": str(kind)} if kind not in _TEXT:
            raise ModelError(f"the server's answer holds a part of type {kind!r}, which is not text")
        case {"text": str(text)} | {"text": {"value": str(text)}}:
            return text
        case _:
            raise ModelError(f"the server's answer holds a part that is not text: {part!r:.300}")
