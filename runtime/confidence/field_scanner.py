"""The scanner of values in a JSON-like notation: their places while the text is being written, and what may stand there.

A special token in a text is the byte FF here, which no text has.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from agentfast.runtime.core.fields import Schema

_SPACE = re.compile(rb"[ \t\n\r]*")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]*|-")
_WORD = re.compile(rb"[a-z]+")
_WORDS = (b"true", b"false", b"null")
NUMBER_BYTES = b"0123456789.eE+-"
_MOST_VALUES = 256
_MOST_REFERENCES = 32


@dataclass(frozen=True, slots=True)
class Notation:
    """Notation of keys and strings.

    Attributes:
        quote: the byte that a string begins with; string: matches a whole string.
        key: matches what stands before a member's colon; read_key: its name.
        write: a scalar as it is written.
    """

    quote: bytes
    string: re.Pattern[bytes]
    key: re.Pattern[bytes]
    read_key: Callable[[bytes], str]
    write: Callable[[Any], bytes]


def json_text(value: Any) -> bytes:
    """Compact JSON, as models write it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _quoted_by_token(value: Any) -> bytes:
    return b"\xff" + value.encode() + b"\xff" if isinstance(value, str) else json.dumps(value).encode()


JSON: Final = Notation(b'"', _STRING, _STRING, json.loads, json_text)
TOKEN_QUOTED: Final = Notation(
    quote=b"\xff",
    string=re.compile(rb"\xff[^\xff]*\xff"),
    key=re.compile(rb'[^:{}\[\],"\xff]+'),
    read_key=bytes.decode,
    write=_quoted_by_token,
)
"""JSON with a special token as the quote of strings, no escapes and bare keys, as Gemma 4 writes arguments."""


@dataclass(frozen=True, slots=True)
class JsonField:
    """A value that is no object or array, or an empty one.

    Attributes:
        path: names and indices from the root, joined by dots.
        start, end: offsets in bytes; `end` None if the text may go on with it.
        values: what the schema lets stand here, as it is written, if that is finite and what stands here, or its
            beginning, is one of them; empty otherwise.
        continues: bytes that would go on with the value.
    """

    path: str
    start: int
    end: int | None
    values: tuple[bytes, ...] = ()
    continues: bytes = b""


class _CutError(Exception):
    """The text ends here."""


class FieldScanner:
    """Scans a text that keeps to a schema, up to where it ends or is cut off."""

    def __init__(self, text: bytes, schema: Schema, notation: Notation = JSON) -> None:
        self._notation = notation
        self._text = text
        self._root = schema
        self._fields: list[JsonField] = []

    def scan(self) -> tuple[list[JsonField], int | None]:
        """The fields, and the end of the whole value; None if it is cut off."""
        try:
            return self._fields, self._value(0, "", [self._root])
        except _CutError:
            return self._fields, None

    def _value(self, at: int, path: str, schemas: Sequence[Schema]) -> int:
        at = self._skip(at)
        opening = self._text[at : at + 1]
        if opening == b"{":
            return self._object(at, path, schemas)
        if opening == b"[":
            return self._array(at, path, schemas)
        end, continues = self._scalar(at)
        values = self._values(self._text[at:end], schemas, whole=end is not None)
        if any(value[:1] in b"-0123456789" for value in values):
            continues = NUMBER_BYTES
        self._fields.append(JsonField(path, at, end, values, continues))
        if end is None:
            raise _CutError
        return end

    def _scalar(self, at: int) -> tuple[int | None, bytes]:
        """The end of a scalar, None if it may go on, and the bytes that would go on with it."""
        text = self._text
        if text[at : at + 1] == self._notation.quote:
            match = self._notation.string.match(text, at)
            return None if match is None else match.end(), b""
        if (number := _NUMBER.match(text, at)) is not None:
            return None if number.end() == len(text) else number.end(), NUMBER_BYTES
        word = _WORD.match(text, at)
        return None if word is None or word.group() not in _WORDS else word.end(), b""

    def _object(self, at: int, path: str, schemas: Sequence[Schema]) -> int:
        start = at
        at = self._skip(at + 1)
        if self._text[at : at + 1] == b"}":
            self._fields.append(JsonField(path, start, at + 1))
            return at + 1
        while True:
            key = self._notation.key.match(self._text, self._skip(at))
            if key is None:
                raise _CutError
            name = self._notation.read_key(key.group())
            at = self._skip(key.end()) + 1  # the colon
            at = self._value(at, join_path(path, name), self._members(schemas, name))
            at = self._skip(at)
            if self._text[at : at + 1] == b"}":
                return at + 1
            at += 1  # the comma

    def _array(self, at: int, path: str, schemas: Sequence[Schema]) -> int:
        start = at
        at = self._skip(at + 1)
        if self._text[at : at + 1] == b"]":
            self._fields.append(JsonField(path, start, at + 1))
            return at + 1
        index = 0
        while True:
            at = self._skip(self._value(at, join_path(path, str(index)), self._items(schemas, index)))
            if self._text[at : at + 1] == b"]":
                return at + 1
            at += 1  # the comma
            index += 1

    def _skip(self, at: int) -> int:
        """Past white space, to a byte that is there."""
        match = _SPACE.match(self._text, at)
        if match is None or match.end() >= len(self._text):
            raise _CutError
        return match.end()

    def _values(self, written: bytes, schemas: Sequence[Schema], *, whole: bool) -> tuple[bytes, ...]:
        values = values_of(schemas, self._root)
        if values is None:
            return ()
        spelled = tuple(dict.fromkeys(self._notation.write(value) for value in values))
        fits = written in spelled if whole else any(value.startswith(written) for value in spelled)
        return spelled if fits else ()

    def _members(self, schemas: Sequence[Schema], name: str) -> list[Schema]:
        found: list[Schema] = []
        for schema in _resolved(schemas, self._root):
            properties = schema.get("properties", {})
            found.append(properties[name] if name in properties else schema.get("additionalProperties", True))
        return found

    def _items(self, schemas: Sequence[Schema], index: int) -> list[Schema]:
        found: list[Schema] = []
        for schema in _resolved(schemas, self._root):
            prefix = schema.get("prefixItems", ())
            found.append(prefix[index] if index < len(prefix) else schema.get("items", True))
        return found


def values_of(schemas: Sequence[Schema], root: Schema) -> list[Any] | None:
    """All values that any of the schemas lets stand, if they are few and simple; there may be more than it does."""
    found: list[Any] = []
    for schema in _resolved(schemas, root):
        values = _simple_values(schema)
        if values is None:
            return None
        found += values
    return found if 0 < len(found) <= _MOST_VALUES else None


def _simple_values(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        values: list[Any] = [schema["const"]]
    elif "enum" in schema:
        values = list(schema["enum"])
    else:
        kinds: str | Sequence[str] = schema.get("type", ())
        known: dict[str, list[Any]] = {"boolean": [True, False], "null": [None]}
        names = (kinds,) if isinstance(kinds, str) else tuple(kinds)
        if not names or not all(name in known for name in names):
            return None
        values = [value for name in names for value in known[name]]
    return None if any(isinstance(value, dict | list) for value in values) else values


def _resolved(schemas: Sequence[Schema], root: Schema) -> Iterator[Mapping[str, Any]]:
    """The schemas with references followed and alternatives listed."""
    waiting: list[tuple[Schema, int]] = [(schema, 0) for schema in reversed(schemas)]
    while waiting:
        schema, depth = waiting.pop()
        if isinstance(schema, bool) or depth > _MOST_REFERENCES:
            yield {}
        elif "$ref" in schema:
            waiting.append((_target(schema["$ref"], root), depth + 1))
        elif "anyOf" in schema or "oneOf" in schema:
            options = schema.get("anyOf") or schema.get("oneOf") or ()
            waiting += [(option, depth + 1) for option in reversed(options)]
        else:
            yield schema


def _target(reference: str, root: Schema) -> Schema:
    """Target of a local JSON pointer; true, any value, for other references."""
    if not reference.startswith("#"):
        return True
    found: Any = root
    for part in reference[1:].split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if not isinstance(found, Mapping) or key not in found:
            return True
        found = cast("Mapping[str, Any]", found)[key]
    return cast("Schema", found)


def join_path(path: str, name: str) -> str:
    return f"{path}.{name}" if path and name else path or name
