"""Schema documents: subschemas by path, base URIs, anchors and references.

A schema is named by its path: a JSON pointer in the root document, or a URI, `#` and a pointer in a further one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin

from agentfast.errors import ConfigError, UnsupportedSchemaError
from agentfast.runtime.grammar.schema.dialect import LATEST, Dialect, dialect_named
from agentfast.runtime.grammar.schema.keywords import JsonSchema, as_list, as_object
from agentfast.runtime.grammar.schema.walk import inner_schemas

Documents = Mapping[str, JsonSchema]
"""Schemas by the URIs that references find them under."""


class Document:
    """A root schema and the documents that it may refer to.

    Attributes:
        is_dynamic: whether `$dynamicRef` occurs, so that the way to a schema matters.
    """

    def __init__(self, root: JsonSchema, documents: Documents | None = None) -> None:
        """
        Args:
            documents: further schemas; nothing is ever fetched.

        Raises:
            ConfigError: one of their URIs is empty or has a fragment.
        """
        self.is_dynamic = False
        self._roots: dict[str, JsonSchema] = {}
        self._dialects: dict[str, Dialect] = {}
        self._base: dict[str, str] = {}
        self._resources: dict[str, str] = {}
        self._anchors: dict[tuple[str, str], str] = {}
        self._dynamic: dict[tuple[str, str], str] = {}
        self._add("", "", root)
        self._scan("")
        base = self.base("")
        given = {self._checked(_join(base, uri)): schema for uri, schema in (documents or {}).items()}
        # What the root schema embeds under a URI goes first.
        starts = [self._add(f"{uri}#", uri, given[uri]) for uri in given if uri not in self._resources]
        for start in starts:
            self._scan(start)

    def _checked(self, uri: str) -> str:
        plain, fragment = urldefrag(uri)
        if fragment or not plain:
            raise ConfigError(f"documents: {uri!r} is not the URI of a document")
        return plain

    def _add(self, start: str, uri: str, schema: JsonSchema) -> str:
        """Take in a document whose paths begin with `start`, which is returned."""
        self._roots[start] = schema
        self._resources[uri] = start
        self._base[start] = uri
        self._dialects[start] = _dialect(as_object(schema) or {}, self._dialects.get("", LATEST))
        return start

    def at(self, path: str) -> Any:
        """The schema at a path that `resolve` or a walk down gave."""
        start, pointer = _split(path)
        return self._walk(self._roots[start], pointer[1:].split("/") if pointer else [])

    def dialect(self, path: str) -> Dialect:
        """The dialect of the schema at a path: its own document's, or that of the resource that is embedded there."""
        while path not in self._dialects:
            path = path.rpartition("/")[0]
        return self._dialects[path]

    def base(self, path: str) -> str:
        """The base URI of the schema at a path."""
        while path not in self._base:
            path = path.rpartition("/")[0]
        return self._base[path]

    def resolve(self, reference: Any, path: str) -> str:
        """Path of the schema that a reference, written in the schema at `path`, means.

        Raises:
            UnsupportedSchemaError: it is in none of the documents.
        """
        if not isinstance(reference, str):
            raise UnsupportedSchemaError("$ref", path, f"{reference!r} is not a reference")
        uri, fragment = urldefrag(_join(self.base(path), reference))
        if uri not in self._resources:
            raise UnsupportedSchemaError(
                "$ref",
                path,
                f"{reference!r} is {uri!r}, which is neither in this schema nor among its documents",
                hint=f"give it: compile_schema(..., documents={{{uri!r}: ...}}), or put it under $defs",
            )
        start = self._resources[uri]
        if not fragment:
            return start
        if fragment.startswith("/"):
            return self._pointed(start, fragment, reference, path)
        target = self._anchors.get((self.base(start), unquote(fragment)))
        if target is None:
            raise UnsupportedSchemaError("$ref", path, f"{reference!r} leads nowhere")
        return target

    def resolve_dynamic(self, reference: Any, path: str, scope: tuple[str, ...]) -> str:
        """Path of the schema that `$dynamicRef` means, when schema resources were entered in the order of `scope`."""
        target = self.resolve(reference, path)
        fragment = unquote(urldefrag(str(reference)).fragment)
        if self._dynamic.get((self.base(target), fragment)) != target:
            return target
        for resource in scope:
            if (resource, fragment) in self._dynamic:
                return self._dynamic[resource, fragment]
        return target

    def _pointed(self, start: str, fragment: str, reference: str, path: str) -> str:
        steps = [unquote(step) for step in fragment[1:].split("/")]
        try:
            self._walk(self.at(start), steps)
        except (KeyError, IndexError):
            raise UnsupportedSchemaError("$ref", path, f"{reference!r} leads nowhere") from None
        return "/".join([start, *steps])

    def _walk(self, value: Any, steps: list[str]) -> Any:
        for step in steps:
            mapping, items = as_object(value), as_list(value)
            if mapping is not None:
                value = mapping[step.replace("~1", "/").replace("~0", "~")]
            elif items is not None and step.isdecimal():
                value = items[int(step)]
            else:
                raise KeyError(step)
        return value

    def _scan(self, start: str) -> None:
        """Find the identifiers in a document."""
        pending: list[tuple[Any, str, str, Dialect]] = [
            (self._roots[start], start, self._base[start], self._dialects[start])
        ]
        while pending:
            inner, path, base, dialect = pending.pop()
            rules = as_object(inner)
            if rules is None:
                continue
            if dialect.identifier in rules:
                dialect = _dialect(rules, dialect)
            self._base[path] = base = self._enter(rules, path, base, dialect)
            self._dialects[path] = dialect
            pending += [(below, at, base, dialect) for _, below, at in inner_schemas(rules, path)]

    def _enter(self, rules: Any, path: str, base: str, dialect: Dialect) -> str:
        """Register a schema's identifiers; returns its base URI."""
        identifier = rules.get(dialect.identifier)
        if isinstance(identifier, str) and not ("$ref" in rules and dialect.ref_alone):
            uri, fragment = urldefrag(_join(base, identifier))
            if fragment:  # how draft-07 and older write an anchor
                self._anchors[base, fragment] = path
            if uri != base or not fragment:
                base = uri
                self._resources.setdefault(uri, path)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := rules.get(keyword), str):
                self._anchors[base, name] = path
                if keyword == "$dynamicAnchor":
                    self._dynamic[base, name] = path
        self.is_dynamic |= "$dynamicRef" in rules
        return base


def _dialect(rules: Mapping[str, Any], outer: Dialect) -> Dialect:
    """The dialect that a schema names; the one around it if it names none. The reader refuses unknown ones."""
    return dialect_named(rules["$schema"]) or LATEST if "$schema" in rules else outer


def _split(path: str) -> tuple[str, str]:
    """Split a path into its document and the pointer there."""
    if not path or path.startswith("/"):
        return "", path
    uri, _, pointer = path.partition("#")
    return f"{uri}#", pointer


def _join(base: str, reference: str) -> str:
    if reference.startswith("#"):
        return base + reference
    return urljoin(base, reference) if base else reference
