"""The field reader: from the tokens of a turn to its fields, by the request's specification."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from agentfast.runtime.confidence.field_scanner import (
    JSON,
    TOKEN_QUOTED,
    FieldScanner,
    JsonField,
    join_path,
    json_text,
)
from agentfast.runtime.core.fields import CallNotation, Field, TurnFields
from agentfast.runtime.core.vocabulary import Vocabulary

FieldReader = Callable[[Sequence[int]], Sequence[Field]]
"""Finds the fields in the tokens generated so far, without an end token. The engine's threads call it, one per request."""

_NO_BRACE: Final = bytes(byte for byte in range(256) if byte != ord("{"))


def field_reader(fields: TurnFields | tuple[Field, ...], vocabulary: Vocabulary) -> FieldReader:
    """Build the reader of a request's fields."""
    if isinstance(fields, tuple):
        return _KnownFields(fields, vocabulary)
    return TurnFieldReader(fields, vocabulary)


class _KnownFields:
    """Fields at places that are known beforehand; they are there once their first symbol is written."""

    def __init__(self, fields: tuple[Field, ...], vocabulary: Vocabulary) -> None:
        self._fields = fields
        self._pieces = vocabulary.tokens

    def __call__(self, tokens: Sequence[int]) -> Sequence[Field]:
        written = sum(len(self._pieces[token] or b"!") for token in tokens)
        return [field for field in self._fields if field.start < written]


class TurnFieldReader:
    """Fields of calls and typed answers."""

    def __init__(self, fields: TurnFields, vocabulary: Vocabulary) -> None:
        self._notation = fields.notation
        self._tools = {_name_as_written(fields.notation, name): schema for name, schema in fields.tools}
        self._answer = fields.answer
        self._pieces = vocabulary.tokens
        self._special = {index: name for name, index in vocabulary.special.items()}

    def __call__(self, tokens: Sequence[int]) -> Sequence[Field]:
        return self.read(list(self._segments(tokens)))

    def read(self, segments: Sequence[tuple[str | None, bytes]]) -> list[Field]:
        """Find the fields of a turn as far as it is written; the last may be cut off.

        Args:
            segments: (name, b"") of special tokens and (None, text) of the texts between them.
        """
        flat = b"".join(b"\xff" if special is not None else text for special, text in segments)
        found: list[Field] = []
        at = calls = 0
        aside = False  # inside of a call or a thought
        for special, text in segments:
            if special is None:
                if not aside and self._answer is not None:
                    inner, end = FieldScanner(text, self._answer).scan()
                    found += _as_fields(None, at, at, inner, end)
                at += len(text)
                continue
            at += 1
            if special == self._notation.token and at < len(flat):
                found += _as_fields(calls, at - 1, at, *self._call(flat[at:]))
                calls += 1
            if special != self._notation.string_quote:
                aside = special == self._notation.token or special in self._notation.asides
        return found

    def _segments(self, tokens: Sequence[int]) -> Iterator[tuple[str | None, bytes]]:
        """Names of special tokens, and (None, text) for the texts between them."""
        text: list[bytes] = []
        for token in tokens:
            piece = self._pieces[token]
            if piece is not None:
                text.append(piece)
                continue
            if text:
                yield None, b"".join(text)
                text = []
            yield self._special.get(token, ""), b""
        if text:
            yield None, b"".join(text)

    def _call(self, text: bytes) -> tuple[list[JsonField], int | None]:
        """The fields of the call that a text begins with, and its end, closing symbol included; None if it is cut off."""
        notation = self._notation
        start = len(notation.before_name)
        if len(text) <= start:
            return [], None
        end = self._name_end(text, start)
        written = text[start:] if end is None else text[start:end]
        known = (
            any(name.startswith(written) for name in self._tools) if end is None else written in self._tools
        )
        names = tuple(self._tools) if known else ()
        field = JsonField("name", start, end, names, b"" if notation.quoted_names else _NO_BRACE)
        if end is None or len(text) <= (at := end + len(notation.before_arguments)):
            return [field], None
        values = JSON if notation.string_quote is None else TOKEN_QUOTED
        inner, stop = FieldScanner(text[at:], self._tools[written] if known else True, values).scan()
        whole = None if stop is None or at + stop >= len(text) else at + stop + 1
        return [field, *_as_arguments(inner, at)], whole

    def _name_end(self, text: bytes, start: int) -> int | None:
        if self._notation.quoted_names:
            match = JSON.string.match(text, start)
            return None if match is None else match.end()
        brace = text.find(b"{", start)
        return None if brace < 0 else brace


def _name_as_written(notation: CallNotation, name: str) -> bytes:
    return json_text(name) if notation.quoted_names else name.encode()


def _as_arguments(inner: Sequence[JsonField], offset: int) -> Iterator[JsonField]:
    """The fields of an object that are a call's arguments and begin at an offset."""
    for found in inner:
        end = None if found.end is None else found.end + offset
        yield replace(found, path=join_path("arguments", found.path), start=found.start + offset, end=end)


def _as_fields(
    part: int | None, start: int, offset: int, inner: Iterable[JsonField], end: int | None
) -> Iterator[Field]:
    """The whole of a call or an answer that starts at `start`, and its fields, which count from `offset`."""
    yield Field((part, None), start, None if end is None else offset + end)
    for field in inner:
        stop = None if field.end is None else offset + field.end
        yield Field((part, field.path), offset + field.start, stop, field.values, field.continues)
