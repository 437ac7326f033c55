"""Dialects of JSON Schema: the drafts that `$schema` names, and the keywords that each reads in its own way."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = re.compile(
    r"https?://json-schema\.org/(?:draft-0(?P<number>[4-7])/|draft/(?P<year>[^/]+)/)?(?:hyper-)?schema#?"
)
_SINCE_6: Final = frozenset(("const", "contains", "propertyNames"))
_SINCE_7: Final = frozenset(("if", "then", "else"))
_SINCE_2019: Final = frozenset(
    "dependentRequired dependentSchemas minContains maxContains unevaluatedProperties unevaluatedItems".split()
)
_SINCE_2020: Final = frozenset(("prefixItems", "$dynamicRef"))


@dataclass(frozen=True)
class Dialect:
    """The rules of a draft.

    Attributes:
        name: for messages.
        ref_alone: `$ref` replaces the keywords beside it.
        identifier: the keyword that gives a schema its URI.
        boolean_bounds: exclusiveMinimum and exclusiveMaximum are true or false.
        contains_evaluates: `contains` evaluates items for `unevaluatedItems`.
        lacks: keywords of later drafts.
    """

    name: str
    ref_alone: bool = False
    identifier: str = "$id"
    boolean_bounds: bool = False
    contains_evaluates: bool = True
    lacks: frozenset[str] = frozenset()

    def rules(self, schema: Mapping[str, Any], *, strict: bool) -> Mapping[str, Any]:
        """The keywords of a schema that bear on validity, in the words of draft 2020-12.

        Args:
            strict: keep keywords of later drafts, which the author meant to hold, although the draft has none.
        """
        if self.ref_alone and "$ref" in schema:
            return {"$ref": schema["$ref"]}
        if not strict and not self.lacks.isdisjoint(schema):
            schema = {keyword: value for keyword, value in schema.items() if keyword not in self.lacks}
        return _with_numeric_bounds(schema) if self.boolean_bounds else schema


LATEST: Final = Dialect("draft 2020-12")
"""Also the reading of schemas that name no draft; older spellings that mean nothing else here are read in it, too."""
_OLD: Final = {
    "4": Dialect(
        "draft-04",
        ref_alone=True,
        identifier="id",
        boolean_bounds=True,
        lacks=_SINCE_6 | _SINCE_7 | _SINCE_2019 | _SINCE_2020,
    ),
    "6": Dialect("draft-06", ref_alone=True, lacks=_SINCE_7 | _SINCE_2019 | _SINCE_2020),
    "7": Dialect("draft-07", ref_alone=True, lacks=_SINCE_2019 | _SINCE_2020),
    "2019-09": Dialect("draft 2019-09", contains_evaluates=False, lacks=_SINCE_2020),
}
_OLD["5"] = _OLD["4"]  # a correction of draft-04's text, which kept its metaschema


def dialect_named(name: object) -> Dialect | None:
    """The dialect that a value of `$schema` names; None if it is not known."""
    found = _NAME.fullmatch(name) if isinstance(name, str) else None
    return None if found is None else _OLD.get(found["number"] or found["year"] or "", LATEST)


def _with_numeric_bounds(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Draft-04's bounds as later drafts write them; a true without its bound says nothing."""
    rules = dict(schema)
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if not isinstance(rules.get(exclusive), bool):
            continue
        if rules.pop(exclusive) and bound in rules:
            rules[exclusive] = rules.pop(bound)
    return rules
