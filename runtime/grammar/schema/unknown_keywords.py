"""Keywords that are not read: those that could constrain are mistakes or refused, all others annotate.

JSON Schema reads an unknown keyword as an annotation, and generators add many: titles of enumerated values, texts in
Markdown, hints for forms. Ignoring a keyword that was meant to constrain would let wrong values through, so that two
kinds stay errors:

- keywords that constrain in another draft, in OpenAPI or in a common extension (`nullable`, `divisibleBy`, `min`);
- names that are nearly those of a keyword that constrains (`requierd`, `max_length`, `item`), which are misspelt.

Nearly is: equal without case, punctuation and a plural's ending, or one letter added, lost, changed or two swapped, in
names of five letters or more; two of these in names of eight or more. Shorter names have too many neighbours ("note",
"not"), of which only swapped letters count.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

_ALWAYS: Final = {
    "nullable": 'use {"anyOf": [..., {"type": "null"}]}',
    "$recursiveRef": "use $dynamicRef",
    "$recursiveAnchor": "use $dynamicAnchor",
    "divisibleBy": "use multipleOf",
    "disallow": "use not",
    "extends": "use allOf",
}
"""Keywords of other dialects, refused even where unknown keywords are annotations."""
_ELSEWHERE: Final = {
    "propertyDependencies": "use dependentSchemas",
    "optionalProperties": "use properties, and required for the others",
    "elements": "use items",
    "bsonType": "use type",
    "instanceof": "use type",
    "typeof": "use type",
    **dict.fromkeys(("gt", "ge", "lt", "le"), "use minimum, maximum and their exclusive forms"),
    "range": "use minimum and maximum",
    "exclusiveRange": "use exclusiveMinimum and exclusiveMaximum",
    "min": "use minimum, minLength or minItems",
    "max": "use maximum, maxLength or maxItems",
    "length": "use minLength and maxLength",
    "regex": "use pattern",
    "regexp": "use pattern",
    "formatMinimum": "use pattern",
    "formatMaximum": "use pattern",
    "formatExclusiveMinimum": "use pattern",
    "formatExclusiveMaximum": "use pattern",
    "uniqueItemProperties": "use uniqueItems",
    "allRequired": "use required",
    "anyRequired": "use anyOf with required",
    "oneRequired": "use oneOf with required",
    "patternRequired": "use patternProperties",
    "prohibited": "use not with required",
    "deepProperties": "use properties",
    "deepRequired": "use required",
    "select": "use if and then",
    "selectCases": "use if and then",
    "selectDefault": "use else",
}
"""Keywords of OpenAPI, JSON Type Definition, MongoDB, Ajv's extensions and the like that constrain there."""


class Doubt(NamedTuple):
    """Reason to take a keyword for one that constrains, and what to do."""

    reason: str
    hint: str


def doubt(keyword: str, value: Any, constraining: Iterable[str], *, strict: bool) -> Doubt | None:
    """The reason to refuse a keyword that is not read; None if it annotates.

    Args:
        constraining: names of the keywords that are read and constrain.
        strict: take names that could constrain for mistakes.
    """
    if keyword == "nullable" and value is False:
        return None
    hint = _ALWAYS.get(keyword) or (_ELSEWHERE.get(keyword) if strict else None)
    if hint is not None:
        return Doubt("the keyword is not supported", hint)
    meant = _nearest(keyword, frozenset(constraining)) if strict else None
    if meant is None:
        return None
    note = f'write {meant}, or begin its name with "x-" if it is a note of your own'
    return Doubt(f"it is no keyword, but nearly {meant!r}", note)


@lru_cache(maxsize=1024)
def _nearest(keyword: str, constraining: frozenset[str]) -> str | None:
    """The constraining keyword that a name nearly is, the nearest one."""
    name = _plain(keyword)
    near = [
        (edits, known) for known in constraining if (edits := _misspelling(name, _plain(known))) is not None
    ]
    return min(near)[1] if near else None


def _misspelling(name: str, target: str) -> int | None:
    """Edits between two names, None if they are too many for a misspelling."""
    most = 2 if len(target) >= 8 else 1
    if abs(len(name) - len(target)) > most:
        return None
    edits = _edits(name, target)
    swapped = sorted(name) == sorted(target)
    return edits if edits <= most and (len(target) >= 5 or swapped) else None


def _plain(name: str) -> str:
    """A name without case, punctuation and a plural's ending."""
    letters = "".join(char for char in name.casefold() if char.isalnum())
    return letters[:-3] + "y" if letters.endswith("ies") else letters.removesuffix("s")


def _edits(name: str, target: str) -> int:
    """Optimal string alignment distance: letters added, lost or changed, and neighbours swapped."""
    before: list[int] = []
    row = list(range(len(target) + 1))
    for i, char in enumerate(name, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(target, 1):
            least = min(before[j] + 1, row[-1] + 1, before[j - 1] + (char != other))
            if i > 1 and j > 1 and char == target[j - 2] and name[i - 2] == other:
                least = min(least, older[j - 2] + 1)
            row.append(least)
    return row[-1]
