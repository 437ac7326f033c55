"""JSON strings with a pattern or a format, in canonical spelling."""

from __future__ import annotations

from agentfast.runtime.grammar import nodes
from agentfast.runtime.grammar.string_language import StringLanguage


def string_node(least: int, most: int | None, pattern: str | None, format_name: str | None) -> nodes.Node:
    """A JSON string, quotes included.

    Raises:
        GrammarError: the pattern is not read, or takes too many states.
    """
    return _language(least, most, pattern, format_name).node("canonical")


def _language(least: int, most: int | None, pattern: str | None, format_name: str | None) -> StringLanguage:
    language = StringLanguage.length(least, most)
    if pattern is not None:
        language &= StringLanguage.pattern(pattern)
    if format_name is not None:
        language &= StringLanguage.format(format_name)
    return language
