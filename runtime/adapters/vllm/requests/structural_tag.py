"""Structural tags to grammars: the JSON in which vLLM's servers and clients say where a text is constrained.

The formats are those of xgrammar's structural tags, and vLLM's older `structures` with `triggers`. A special token of
the vocabulary that is named in a begin, an end or a constant is that token. Free text holds no special token.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from agentfast.chat.gemma4_notation import QUOTE
from agentfast.errors import GrammarError
from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.automaton.whitespace import Whitespace
from agentfast.runtime.grammar.schema.build.mode import Order

Format = Mapping[str, Any]

_READ: Final[Mapping[str, frozenset[str]]] = {
    "const_string": frozenset({"value"}),
    "json_schema": frozenset({"json_schema", "style", "any_order", "max_whitespace_cnt"}),
    "regex": frozenset({"pattern"}),
    "any_text": frozenset({"excludes", "max_chars"}),
    "any_tokens": frozenset({"exclude_tokens"}),
    "token": frozenset({"token"}),
    "sequence": frozenset({"elements"}),
    "or": frozenset({"elements"}),
    "optional": frozenset({"content"}),
    "plus": frozenset({"content"}),
    "star": frozenset({"content"}),
    "repeat": frozenset({"content", "min", "max"}),
    "tag": frozenset({"begin", "content", "end"}),
    "triggered_tags": frozenset({"triggers", "tags", "at_least_one", "stop_after_first", "excludes"}),
    "token_triggered_tags": frozenset(
        {"trigger_tokens", "tags", "exclude_tokens", "at_least_one", "stop_after_first"}
    ),
    "tags_with_separator": frozenset({"tags", "separator", "at_least_one", "stop_after_first"}),
}
"""Settings that are read, by format; a further one that says something is refused."""
_COMPOSED: Final = _READ.keys() - {"const_string", "json_schema", "regex", "any_text", "any_tokens", "token"}


def tag_grammar(tag: Format, special: Iterable[str]) -> Grammar:
    """The grammar of a structural tag.

    Args:
        special: names of the vocabulary's special tokens.

    Raises:
        GrammarError: a format is malformed, or is not served.
        UnsupportedSchemaError: a schema in it cannot be enforced.
    """
    if "structures" in tag:
        tag = {"format": _of_structures(tag)}
    try:
        return _Reader(special).grammar(tag["format"])
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise GrammarError(
            f"the structural tag is malformed: {error!r}", hint="see xgrammar's structural tags"
        ) from error


def _of_structures(tag: Format) -> Format:
    tags = [
        {
            "type": "tag",
            "begin": item["begin"],
            "content": {
                "type": "json_schema",
                "json_schema": True if item["schema"] is None else item["schema"],
            },
            "end": item["end"],
        }
        for item in tag["structures"]
    ]
    return {"type": "triggered_tags", "triggers": tag["triggers"], "tags": tags}


class _Reader:
    """Reads formats with one vocabulary's special tokens."""

    def __init__(self, special: Iterable[str]) -> None:
        self._special = frozenset(special)
        names = sorted(self._special, key=len, reverse=True)
        self._splits = re.compile("(" + "|".join(map(re.escape, names)) + ")")

    def grammar(self, given: Format, ends: Sequence[str] = ()) -> Grammar:
        """The grammar of a format; free text in it is without the texts that end it."""
        kind = given["type"]
        if kind not in _READ:
            raise GrammarError(
                f"the format {kind!r} of a structural tag is not served",
                hint=f"take one of {', '.join(_READ)}",
            )
        for name in given.keys() - _READ[kind] - {"type"}:
            if given[name] not in (None, False, [], ()):
                raise GrammarError(f"{name!r} of the format {kind!r} is not served", hint=f"leave {name} out")
        return self._composed(given, ends) if kind in _COMPOSED else self._plain(given, ends)

    def _plain(self, given: Format, ends: Sequence[str]) -> Grammar:
        match given["type"]:
            case "const_string":
                return self._text(given["value"])
            case "json_schema":
                return _json(given)
            case "regex":
                return Grammar.from_regex(given["pattern"])
            case "any_text":
                return self._free([*given.get("excludes", ()), *ends], given.get("max_chars"))
            case "any_tokens":
                return self._free(ends)
            case _:
                return self._token(given)

    def _composed(self, given: Format, ends: Sequence[str]) -> Grammar:
        match given["type"]:
            case "sequence":
                return reduce(Grammar.__add__, [self.grammar(element, ends) for element in given["elements"]])
            case "or":
                return _any_of([self.grammar(element, ends) for element in given["elements"]])
            case "tag":
                return self._tag(given)
            case "triggered_tags" | "token_triggered_tags":
                return self._triggered(given, ends)
            case "tags_with_separator":
                return self._separated(given)
            case kind:
                least, most = _COUNTS.get(kind) or (given["min"], given["max"])
                return self.grammar(given["content"], ends).repeat(least, None if most == -1 else most)

    def _tag(self, tag: Format) -> Grammar:
        ends: list[Any] = tag["end"] if isinstance(tag["end"], list) else [tag["end"]]
        texts = [end for end in ends if isinstance(end, str) and end]
        content = self.grammar(tag["content"], texts)
        return self._mark(tag["begin"]) + content + _any_of([self._mark(end) for end in ends])

    def _triggered(self, given: Format, ends: Sequence[str]) -> Grammar:
        free = self._free([*given.get("triggers", ()), *given.get("excludes", ()), *ends])
        tags = _any_of([self._tag(tag) for tag in given["tags"]])
        least = int(bool(given.get("at_least_one")))
        if given.get("stop_after_first"):
            return free + tags if least else free + tags.repeat(0, 1)
        return free + (tags + free).repeat(least)

    def _separated(self, given: Format) -> Grammar:
        tags = _any_of([self._tag(tag) for tag in given["tags"]])
        more = (self._text(given["separator"]) + tags).repeat(0)
        some = tags if given.get("stop_after_first") else tags + more
        return some if given.get("at_least_one") else some.repeat(0, 1)

    def _mark(self, mark: str | Format) -> Grammar:
        return self._text(mark) if isinstance(mark, str) else self._token(mark)

    def _token(self, given: Format) -> Grammar:
        name = given["token"]
        if name not in self._special:
            raise GrammarError(
                f"{name!r} is no special token of the checkpoint",
                hint="name one, or give text as a const_string",
            )
        return Grammar.special(name)

    def _text(self, text: str) -> Grammar:
        parts = [part for part in self._splits.split(text) if part] if self._special else [text]
        grammars = [
            Grammar.special(part) if part in self._special else Grammar.literal(part) for part in parts
        ]
        return reduce(Grammar.__add__, grammars, Grammar.literal(""))

    def _free(self, excluded: Sequence[str], most: int | None = None) -> Grammar:
        """Text without some texts; those with a special token in them cannot be in it anyway."""
        texts = [text for text in excluded if text and not self._splits.search(text)]
        return Grammar.text(without_match="|".join(map(_escaped, texts)), most=most)


_COUNTS: Final = {"optional": (0, 1), "plus": (1, None), "star": (0, None)}


def _json(given: Format) -> Grammar:
    style = given.get("style", "json")
    spaces = given.get("max_whitespace_cnt")
    order: Order | None = "any" if given.get("any_order") else None
    if style == "gemma":
        return compile_schema(given["json_schema"], order=order).in_native_notation(QUOTE)
    if style != "json":
        raise GrammarError(f"the style {style!r} of a json_schema is not served", hint="take json or gemma")
    whitespace: Whitespace = "flexible" if spaces is None else "spaced" if spaces else "compact"
    return compile_schema(given["json_schema"], whitespace=whitespace, order=order)


def _any_of(options: Sequence[Grammar]) -> Grammar:
    if not options:
        raise GrammarError("a structural tag has an empty list of options", hint="give one or more")
    return reduce(Grammar.__or__, options)


def _escaped(text: str) -> str:
    return "".join(
        char if char.isalnum() or char.isspace() or ord(char) > 127 else f"\\{char}" for char in text
    )
