"""Lone surrogates: halves of a UTF-16 pair, which Python strings and JSON escapes can hold and UTF-8 cannot."""

from __future__ import annotations

from typing import Any, cast


def lone_surrogate(text: str) -> int | None:
    """Position of the first surrogate; None if UTF-8 can carry the text."""
    if text.isascii():
        return None
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return error.start
    return None


def is_text(value: object) -> bool:
    """True for a str that UTF-8 can carry."""
    return type(value) is str and (value.isascii() or lone_surrogate(value) is None)


def well_formed(text: str) -> str:
    """The text with pairs of surrogates joined and lone ones replaced by U+FFFD; itself if there are none."""
    if lone_surrogate(text) is None:
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def well_formed_json(value: Any) -> Any:
    """A copy of a JSON value with all its texts and keys well-formed."""
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, list):
        return [well_formed_json(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        fields = cast("dict[object, object]", value)
        return {well_formed_json(key): well_formed_json(inner) for key, inner in fields.items()}
    return value
