"""Parser of docstrings: the first paragraph and the Google-style "Args:" section."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator

_SECTION = re.compile(r"(Args|Arguments|Parameters):\s*")
_ENTRY = re.compile(r"\*{0,2}(?P<name>\w+)\s*(?:\([^)]*\))?\s*:\s*(?P<text>.*)")


def parse_docstring(doc: str | None) -> tuple[str, dict[str, str]]:
    """The first paragraph as one line, and the description of each parameter, also as one line."""
    if not doc:
        return "", {}
    lines = inspect.cleandoc(doc).splitlines()
    return _one_line(_first_paragraph(lines)), dict(_entries(_section(lines)))


def _first_paragraph(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not line.strip() or _SECTION.fullmatch(line):
            return
        yield line


def _section(lines: list[str]) -> list[str]:
    """The indented lines below "Args:"; empty lines are skipped, the next unindented line ends it."""
    start = next((i for i, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    body: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and not line[0].isspace():
            break
        if line.strip():
            body.append(line)
    return body


def _entries(body: list[str]) -> Iterator[tuple[str, str]]:
    """Entries stand at the section's own indentation; what is indented further continues the entry before it."""
    indent = min((_indent(line) for line in body), default=0)
    name, texts = "", list[str]()
    for line in body:
        match = _ENTRY.fullmatch(line.strip()) if _indent(line) == indent else None
        if match is None:
            texts.append(line)
            continue
        if name:
            yield name, _one_line(texts)
        name, texts = match["name"], [match["text"]]
    if name:
        yield name, _one_line(texts)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _one_line(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())
