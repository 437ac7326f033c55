"""The part of a schema that is to blame where no value meets the whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton.whitespace import gaps
from agentfast.runtime.grammar.emptiness import is_empty
from agentfast.runtime.grammar.grammar import Grammar
from agentfast.runtime.grammar.schema.build.builder import Builder
from agentfast.runtime.grammar.schema.build.mode import Mode
from agentfast.runtime.grammar.schema.keywords import JsonSchema, as_list, as_object, pointer
from agentfast.runtime.grammar.schema.reader import Reader

_SHOWN = 200  # characters of the schema


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """The innermost schema that no value meets, and that a value of the whole would have to.

    Attributes:
        field: names of properties on the way to it, joined by dots, [] for items of an array; "" for the whole.
        path: its JSON pointer.
        text: its beginning, as JSON.
    """

    field: str
    path: str
    text: str

    def complaint(self, owner: str, part: str) -> str:
        """A sentence.

        Args:
            owner: whose schema it is, e.g. "tool 'search'".
            part: the name of its fields, e.g. "argument".
        """
        where = f"{owner}, {part} {self.field!r}" if self.field else owner
        return f"{where}: no value meets the schema {self.text}"


def find_unsatisfiable(schema: JsonSchema, grammar: Grammar) -> Unsatisfiable | None:
    """The part to blame if no value meets the schema, read as closed; None if one does, or it cannot be told quickly.

    Args:
        grammar: of the schema, as `compile_schema` gives it.
    """
    return _Blame(schema).whole() if is_empty(grammar.node) else None


class _Blame:
    def __init__(self, schema: JsonSchema) -> None:
        self._reader = Reader(schema, strict=True, assert_format=True)
        self._builder = Builder(self._reader, gaps("compact"), "unsatisfiable")
        self._mode = Mode("declared", "canonical", closed=True)
        self._seen: set[str] = set()

    def whole(self) -> Unsatisfiable:
        """The part to blame of a schema that no value meets."""
        field, path = "", ""
        while (inner := self._narrower(field, path)) is not None:
            field, path = inner
        text = json.dumps(self._reader.document.at(path), ensure_ascii=False, default=str)
        return Unsatisfiable(field, path, text if len(text) <= _SHOWN else text[:_SHOWN] + "…")

    def _narrower(self, field: str, path: str) -> tuple[str, str] | None:
        """A schema inside that is to blame for the one at a path."""
        self._seen.add(path)
        rules = as_object(self._reader.document.at(path))
        for name, at in () if rules is None else self._needed(rules, path):
            if at not in self._seen and self._is_empty(at):
                return field + (f".{name}" if field and name and not name.startswith("[") else name), at
        return None

    def _is_empty(self, path: str) -> bool:
        try:
            return is_empty(self._builder.document(self._mode, path))
        except GrammarError:
            return False

    def _needed(self, rules: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
        """Schemas that have to be met for one to be met: the name of the field, "" for the same value, and the path."""
        properties = as_object(rules.get("properties")) or {}
        yield from (
            (name, pointer(path, "properties", name))
            for name in as_list(rules.get("required")) or ()
            if name in properties
        )
        least = rules.get("minItems", 0)
        prefix = as_list(rules.get("prefixItems")) or []
        yield from (
            (f"[{index}]", pointer(path, "prefixItems", index)) for index in range(min(least, len(prefix)))
        )
        if least > len(prefix) and as_object(rules.get("items")) is not None:
            yield "[]", pointer(path, "items")
        if isinstance(rules.get("$ref"), str):
            yield "", self._reader.document.resolve(rules["$ref"], path)
        for index in range(len(as_list(rules.get("allOf")) or ())):
            yield "", pointer(path, "allOf", index)
        for keyword in ("anyOf", "oneOf"):
            if len(as_list(rules.get(keyword)) or ()) == 1:
                yield "", pointer(path, keyword, 0)
