"""Docstrings of tools, in the styles of Google, NumPy and Sphinx, read by the docstring-parser package."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"(Args|Arguments|Parameters|Params):\s*")
_LISTED = re.compile(r"\s+|[-*+•]\s|\d+[.)]\s")


def parse_docstring(doc: str | None) -> tuple[str, dict[str, str]]:
    """The text before the sections, and the description of each parameter as one line.

    A paragraph of the text is one line, but for lists and indented lines. Sections on results, errors and examples are
    left out.
    """
    if not doc or not doc.strip():
        return "", {}
    import docstring_parser  # here, as agents without tools need none

    text = inspect.cleandoc(doc)
    if _SECTION.match(text):
        text = f"\n\n{text}"  # the parser looks for sections below a text
    found = docstring_parser.parse(text)
    described = {
        name.strip().lstrip("*"): _one_line(param.description or "")
        for param in found.params
        for name in param.arg_name.split(",")
    }
    return _paragraphs(found.description or ""), described


def _paragraphs(text: str) -> str:
    return "\n\n".join(filter(None, map(_joined, re.split(r"\n\s*\n", text.strip()))))


def _joined(paragraph: str) -> str:
    """A paragraph whose lines are joined where a list or an indentation does not keep them apart."""
    lines: list[str] = []
    for line in paragraph.splitlines():
        if lines and not _LISTED.match(line):
            lines[-1] += " " + line.strip()
        else:
            lines.append(line.rstrip())
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
