"""Server-sent events: the data of each event in a stream of bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator

_LINE_END = re.compile(rb"\r\n|\n|\r")
DONE = "[DONE]"
"""The data of an OpenAI stream's last event."""


class EventParser:
    """Parses a stream as it comes. Lines are cut as bytes, as str.splitlines would cut inside JSON strings as well."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []

    def feed(self, content: bytes) -> Iterator[str]:
        """The data of the events that this piece of the stream completes."""
        content = self._rest + content
        # A carriage return at the end may be the first half of a line's end.
        held = b"\r" if content.endswith(b"\r") else b""
        *lines, last = _LINE_END.split(content.removesuffix(b"\r"))
        self._rest = last + held
        for line in lines:
            yield from self._read(line.removeprefix(b"\xef\xbb\xbf"))

    def end(self) -> Iterator[str]:
        """The data of an event that the stream's end completes: some servers leave out the last empty line."""
        rest, self._rest = self._rest, b""
        yield from self._read(rest.removesuffix(b"\r"))
        yield from self._read(b"")

    def _read(self, line: bytes) -> Iterator[str]:
        if not line and self._data:
            yield "\n".join(self._data)
            self._data = []
        elif line.startswith(b"data:"):
            self._data.append(line.removeprefix(b"data:").removeprefix(b" ").decode("utf-8", "replace"))


def read_events(content: bytes) -> list[str]:
    """The data of each event of a whole stream."""
    parser = EventParser()
    return [*parser.feed(content), *parser.end()]
