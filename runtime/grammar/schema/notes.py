"""Notes on a schema that is read: parts that are not enforced, or read in another way than their author may think."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from agentfast.runtime.core.log import get_logger
from agentfast.runtime.grammar.schema import keywords
from agentfast.runtime.grammar.schema.dialect import LATEST, Dialect, dialect_named
from agentfast.runtime.grammar.schema.keywords import as_list, as_object
from agentfast.runtime.grammar.schema.walk import inner_schemas
from agentfast.runtime.grammar.strings.format_sets import FORMATS
from agentfast.runtime.grammar.strings.formats import UNCONSTRAINED, UNDEFINED

_LOG = get_logger("grammar")
_IN_PLACE: Final = frozenset(
    ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
)
"""Keywords whose schemas speak of the same value."""

Kind = Literal["format", "keyword", "dialect", "empty object"]


@dataclass(frozen=True, slots=True)
class SchemaNote:
    """A note on the schema at a path.

    Attributes:
        kind: "format", one that is not asserted; "keyword", one that is not known and not enforced; "dialect", a keyword
            that the draft reads in another way; "empty object", an object that is read as closed and has no properties.
        path: JSON pointer of the schema, "" for the root.
        name: the format, or the keyword.
        text: a sentence.
    """

    kind: Kind
    path: str
    name: str
    text: str


def schema_notes(schema: Any, *, closed: bool = True, assert_format: bool = True) -> Iterator[SchemaNote]:
    """The notes on a schema, from the outside in. Options are those of `compile_schema`."""
    root = as_object(schema) or {}
    dialect = dialect_named(root.get("$schema")) or LATEST
    for path, rules, shared in _walk(schema, "", shared=False):
        if assert_format:
            yield from _format(rules, path)
        yield from _keywords(rules, path, dialect, closed=closed)
        if closed and not shared and _is_bare_object(rules):
            text = "an object without properties is read as closed, so that {} is its only value: declare its properties, or add additionalProperties: true"
            yield SchemaNote("empty object", path, "type", text)


def log_notes(notes: Iterable[SchemaNote]) -> None:
    """Log what is not enforced, once for each format and keyword. Empty objects are left to who knows their owner."""
    for note in notes:
        if note.kind != "empty object":
            _log_once(note.kind, note.name, note.text)


def warn_of_empty_objects(owner: str, schema: Any, *, at_root: bool = True) -> None:
    """Log the objects of a schema that are read as closed and have no properties, once for each owner.

    Args:
        owner: whose schema it is, e.g. "tool 'search'".
        at_root: also if the schema as a whole is one; of a tool, that is one without parameters.
    """
    for note in schema_notes(schema):
        if note.kind == "empty object" and (note.path or at_root):
            _warn_once(owner, note.path or "/", note.text)


@lru_cache(maxsize=1024)
def _warn_once(owner: str, path: str, text: str) -> None:
    _LOG.warning("empty_object", owner=owner, path=path, note=text)


@lru_cache(maxsize=1024)
def _log_once(kind: Kind, name: str, text: str) -> None:
    log = _LOG.warning if kind == "format" else _LOG.info
    log("schema_note", kind=kind, name=name, note=text)


def _format(rules: Mapping[str, Any], path: str) -> Iterator[SchemaNote]:
    name = rules.get("format")
    if "pattern" in rules:  # it says what the format means
        return
    if isinstance(name, str) and name not in FORMATS and name not in UNCONSTRAINED:
        why = UNDEFINED.get(name)
        reason = "has no definition here" if why is None else f"is not asserted: {why}"
        text = f"format {name!r} {reason}; it is read as an annotation, and any value passes it"
        yield SchemaNote("format", path, name, text)


def _keywords(rules: Mapping[str, Any], path: str, dialect: Dialect, *, closed: bool) -> Iterator[SchemaNote]:
    alone = dialect.ref_alone and "$ref" in rules
    for keyword in rules:
        text = ""
        if alone and keyword in keywords.CONSTRAINING - {"$ref"}:
            text = f"{keyword!r} stands beside $ref, which in {dialect.name} replaces it: it is not enforced"
        elif keyword in dialect.lacks:
            reading = "as later drafts read it" if closed else "as an annotation"
            text = f"{dialect.name} has no {keyword!r}; it is read {reading}"
        if text:
            yield SchemaNote("dialect", path, keyword, text)
        elif not keywords.is_known(keyword) and keyword != "nullable":
            text = (
                f"{keyword!r} is no keyword of JSON Schema; it is read as an annotation, and enforces nothing"
            )
            yield SchemaNote("keyword", path, keyword, text)


def _walk(schema: Any, path: str, *, shared: bool) -> Iterator[tuple[str, Mapping[str, Any], bool]]:
    """The schemas of a document, and whether another one may say more about the objects that each allows."""
    rules = as_object(schema)
    if rules is None:
        return
    yield path, rules, shared
    says_more = bool(rules.keys() & keywords.OBJECT) or len(rules.keys() & keywords.APPLICATORS) > 1
    for keyword, inner, below in inner_schemas(rules, path):
        in_place = keyword in _IN_PLACE and (
            shared
            or says_more
            or keyword not in ("anyOf", "oneOf", "allOf")
            or (keyword == "allOf" and len(as_list(rules[keyword]) or ()) > 1)
        )
        if keyword != "contentSchema":
            yield from _walk(inner, below, shared=in_place)


def _is_bare_object(rules: Mapping[str, Any]) -> bool:
    types = as_list(rules.get("type")) or [rules.get("type")]
    said = keywords.OBJECT | keywords.APPLICATORS | keywords.VALUES
    return "object" in types and not rules.keys() & said
