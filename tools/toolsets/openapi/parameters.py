"""Parameters of an operation: their declaration, and how a value is written into a request."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote

from agentfast.errors import ToolArgumentsError

STYLES: Final[Mapping[str, tuple[str, ...]]] = {
    "path": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
}
"""Styles of each place that are written; the first is what a place has unless it says otherwise."""
_DELIMITERS: Final = {"spaceDelimited": " ", "pipeDelimited": "|"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation.

    Attributes:
        name: in the request.
        argument: its name among the tool's arguments.
        place: "path", "query", "header" or "cookie".
        schema: of its value, without references to the document.
        required: it has to be there.
        style: how arrays and objects are written.
        explode: each item, or member, is written on its own.
        is_json: its value is written as JSON.
    """

    name: str
    argument: str
    place: str
    schema: Mapping[str, Any]
    required: bool
    style: str
    explode: bool
    is_json: bool = False

    def in_query(self, value: Any) -> list[tuple[str, str]]:
        """The pairs of name and text that stand for the value in a query."""
        if self.is_json:
            return [(self.name, json.dumps(value, ensure_ascii=False))]
        if isinstance(value, dict):
            members = [(key, text_of(inner)) for key, inner in cast("dict[str, Any]", value).items()]
            if self.style == "deepObject":
                return [(f"{self.name}[{key}]", text) for key, text in members]
            if self.explode:
                return members
            return [(self.name, ",".join(part for member in members for part in member))]
        if isinstance(value, list):
            items = _texts(value)
            if self.explode:
                return [(self.name, item) for item in items]
            return [(self.name, _DELIMITERS.get(self.style, ",").join(items))]
        return [(self.name, text_of(value))]

    def in_path(self, value: Any) -> str:
        """The value as a part of a path, percent-encoded.

        Raises:
            ToolArgumentsError: it is empty, or would lead to another folder.
        """
        text = self._simple(value)
        if not text or any(part in (".", "..") for part in re.split(r"[/\\]", text)):
            raise ToolArgumentsError(f"invalid arguments: {self.argument}: {text!r} is no part of a path")
        return quote(text, safe="")

    def in_header(self, value: Any) -> str:
        """The value as a header's.

        Raises:
            ToolArgumentsError: no header can hold it.
        """
        text = self._simple(value)
        if not text.isascii() or not text.isprintable():
            raise ToolArgumentsError(f"invalid arguments: {self.argument}: {text!r} is no value of a header")
        return text

    def in_cookie(self, value: Any) -> str:
        """The pair of name and value, percent-encoded."""
        return f"{self.name}={quote(self._simple(value), safe='')}"

    def _simple(self, value: Any) -> str:
        if self.is_json:
            return json.dumps(value)
        if isinstance(value, list):
            return ",".join(_texts(value))
        if isinstance(value, dict):
            members = cast("dict[str, Any]", value).items()
            join = "=" if self.explode else ","
            return ",".join(f"{key}{join}{text_of(inner)}" for key, inner in members)
        return text_of(value)


def text_of(value: Any) -> str:
    """A JSON value as text: a text itself, another as JSON; null is nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _texts(items: list[Any]) -> list[str]:
    return [text_of(item) for item in items]
