"""The conditions that a value inside an object or array may have to meet: by reference, so that recursion ends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, cast


@dataclass(frozen=True)
class Place:
    """The schema at a pointer of the document.

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
        """The atom of a JSON value."""
        return cls(_text(value))

    @property
    def value(self) -> Any:
        """The value; numbers are exact."""
        return json.loads(self.text, parse_float=Decimal)


@dataclass(frozen=True)
class Either:
    """At least one of the atoms; none at all is what no value meets."""

    atoms: tuple[Atom, ...]


@dataclass(frozen=True)
class Except:
    """Not the atom."""

    atom: Atom


Atom = Place | Fixed | Either | Except
Atoms = tuple[Atom, ...]
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


def joined(*groups: Iterable[Atom]) -> Atoms:
    """All atoms of the groups, each once."""
    return tuple(dict.fromkeys(atom for group in groups for atom in group))
