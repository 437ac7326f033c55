"""Plain texts as expressions: any at all, those without something, those of a regular expression, a few fixed ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.regex import parser as regex
from agentfast.runtime.grammar.regex.dfa import automaton_of
from agentfast.runtime.grammar.strings.language import StringLanguage


def literal_node(text: str | bytes) -> nodes.Node:
    """Exactly this text.

    Raises:
        GrammarError: UTF-8 cannot carry it.
    """
    try:
        return nodes.Literal(text.encode() if isinstance(text, str) else text)
    except UnicodeEncodeError as error:
        raise GrammarError(f"{text!r} holds a lone surrogate, which no token can write") from error


def choice_node(texts: Iterable[str]) -> nodes.Node:
    """Any one of the texts.

    Raises:
        GrammarError: there is none, or UTF-8 cannot carry one of them.
    """
    options = [literal_node(text) for text in texts]
    if not options:
        raise GrammarError("a choice of no texts matches nothing", hint="give at least one")
    return nodes.Choice(options)


@lru_cache(maxsize=256)
def regex_node(pattern: str) -> nodes.Node:
    """Texts that a regular expression matches as a whole.

    Raises:
        GrammarError: the pattern is not read, or takes too many states.
    """
    whole = regex.Concat(
        (regex.Anchor(at_start=True), regex.parse_regex(pattern), regex.Anchor(at_start=False))
    )
    return StringLanguage(automaton_of(whole)).node("plain")


@lru_cache(maxsize=64)
def text_node(without: str, without_match: str, most: int | None) -> nodes.Node:
    """Any text of at most so many code points that does not hold the string `without`, nor a match of a pattern.

    Raises:
        GrammarError: the pattern is not read, takes too many states, or matches even the empty text.
    """
    unwanted: list[regex.Regex] = []
    if without:
        unwanted.append(regex.Concat(tuple(regex.Chars(((ord(char), ord(char)),)) for char in without)))
    if without_match:
        unwanted.append(regex.parse_regex(without_match))
    language = StringLanguage(automaton_of(regex.Union(tuple(unwanted))))
    if language.contains(""):
        raise GrammarError(f"{without_match!r} matches the empty text, so that no text is without it")
    return (~language & StringLanguage.length(0, most)).node("plain")
