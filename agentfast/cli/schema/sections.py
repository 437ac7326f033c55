"""Plain text in titled sections, for people."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import fill
from typing import Final

_WIDTH: Final = 110
_SHOWN: Final = 160  # characters of an instance


def section(title: str, lines: Iterable[str]) -> Iterable[str]:
    """A blank line, the title and the lines indented; nothing without lines."""
    body = [f"  {line}" for line in lines]
    return ("", title, *body) if body else ()


def shortened(text: str) -> str:
    """The beginning of a long text."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def wrapped(text: str) -> str:
    """Prose over several lines, to be indented by two."""
    return fill(text, _WIDTH - 2, subsequent_indent=4 * " ", break_long_words=False, break_on_hyphens=False)
