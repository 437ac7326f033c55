"""Subschemas: conditions on values inside objects and arrays, by reference, so that recursion ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast


@dataclass(frozen=True)
class SchemaRef:
    """Reference to the schema at a pointer of the document.

    Attributes:
        scope: base URIs of the resources that led here, where `$dynamicRef` makes them matter.
    """

    path: str
    scope: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fixed:
    """One value, as JSON text."""

    text: str

    @classmethod
    def of(cls, value: Any) -> Fixed:
        """The subschema of a JSON value."""
        return cls(_text(value))

    @property
    def value(self) -> Any:
        """The value; numbers are exact."""
        return json.loads(self.text, parse_float=Decimal)


@dataclass(frozen=True)
class Either:
    """At least one of the subschemas; with none at all, no value meets it."""

    subschemas: tuple[Subschema, ...]


@dataclass(frozen=True)
class Except:
    """Not the subschema."""

    subschema: Subschema


Subschema = SchemaRef | Fixed | Either | Except
Subschemas = tuple[Subschema, ...]
"""All of them, each once; none at all is any value."""


def _text(value: Any) -> str:
    match value:
        case Mapping():
            found = cast("Mapping[str, Any]", value)
            return "{" + ",".join(f"{json.dumps(name)}:{_text(item)}" for name, item in found.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(_text(item) for item in cast("list[Any]", value)) + "]"
        case Decimal():
            return str(value)
        case _:
            return json.dumps(value)


NEVER: Final = Either(())
ALWAYS: Final = Except(NEVER)


def conjoin(*groups: Iterable[Subschema]) -> Subschemas:
    """Conjunction of groups of subschemas, each once."""
    return tuple(dict.fromkeys(subschema for group in groups for subschema in group))
