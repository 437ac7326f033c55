"""Gemma 4's notation for values: JSON with a special token as the quote, no escapes, and bare keys in order of names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, cast

from agentfast.chat.base import Segment
from agentfast.errors import ModelError

QUOTE: Final = '<|"|>'
"""The special token at both ends of a string."""

_KEY = re.compile(r'([{,])([^:{}\[\],"]+):')


def in_order(members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Members of an object as Gemma 4 writes them: by name, upper and lower case alike."""
    return iter(sorted(members.items(), key=lambda member: member[0].lower()))


def render_string(text: str) -> Iterator[Segment]:
    """A string between its quotes."""
    yield True, QUOTE
    yield False, text
    yield True, QUOTE


def render_value(value: Any) -> Iterator[Segment]:
    """A JSON value."""
    if isinstance(value, str):
        yield from render_string(value)
    elif isinstance(value, Mapping):
        members = in_order(cast("Mapping[str, Any]", value))
        yield from render_object((name, render_value(item)) for name, item in members)
    elif isinstance(value, (list, tuple)):
        yield False, "["
        for index, item in enumerate(cast("Sequence[Any]", value)):
            yield False, "," if index else ""
            yield from render_value(item)
        yield False, "]"
    else:
        yield False, json.dumps(value)


def render_object(members: Iterable[tuple[str, Iterable[Segment]]]) -> Iterator[Segment]:
    """An object of members whose values are rendered already, in the given order."""
    yield False, "{"
    for index, (name, value) in enumerate(members):
        yield False, f"{',' if index else ''}{name}:"
        yield from value
    yield False, "}"


def joined(segments: Iterable[Segment]) -> Iterator[Segment]:
    """The same with neighbouring texts as one, so that they are encoded as one, and without empty ones."""
    for is_special, group in groupby(segments, lambda segment: segment[0]):
        if is_special:
            yield from group
        elif text := "".join(text for _, text in group):
            yield False, text


def parse_object(segments: Sequence[Segment]) -> dict[str, Any]:
    """The inverse of `render_value` for an object.

    Raises:
        ModelError: it is none.
    """
    parts: list[str] = []
    string: str | None = None
    for is_special, text in segments:
        if is_special and text != QUOTE:
            raise ModelError(f"the model wrote {text} inside a call")
        if is_special:
            if string is not None:
                parts.append(json.dumps(string))
            string = "" if string is None else None
        elif string is not None:
            string += text
        else:
            parts.append(_KEY.sub(lambda match: f"{match[1]}{json.dumps(match[2])}:", text))
    try:
        value: Any = json.loads("".join(parts))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the model wrote arguments that cannot be read: {''.join(parts)!r}") from error
    if string is not None or not isinstance(value, dict):
        raise ModelError(f"the model wrote arguments that are no object: {''.join(parts)!r}")
    return cast("dict[str, Any]", value)
