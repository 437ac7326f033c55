"""A schema document: where its subschemas are, what their base URIs and anchors are, and what a reference means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.keywords import JsonSchema, as_list, as_object, pointer

_ONE: Final = frozenset(
    "additionalProperties propertyNames contains not if then else unevaluatedProperties unevaluatedItems items"
    " additionalItems contentSchema".split()
)
_LIST: Final = frozenset(("allOf", "anyOf", "oneOf", "prefixItems", "items"))
_MAP: Final = frozenset(
    ("properties", "patternProperties", "dependentSchemas", "dependencies", "$defs", "definitions")
)
_DRAFT_7: Final = ("http://json-schema.org/draft-07/schema", "http://json-schema.org/draft-06/schema")


class Document:
    """One schema document.

    Attributes:
        root: the whole schema.
        is_dynamic: whether it has `$dynamicRef`, so that the way to a schema matters.
    """

    def __init__(self, root: JsonSchema) -> None:
        self.root = root
        self.is_dynamic = False
        rules = as_object(root)
        dialect = "" if rules is None else rules.get("$schema")
        self.ignores_beside_ref = isinstance(dialect, str) and dialect.rstrip("#") in _DRAFT_7
        self._base: dict[str, str] = {}
        self._resources: dict[str, str] = {}
        self._anchors: dict[tuple[str, str], str] = {}
        self._dynamic: dict[tuple[str, str], str] = {}
        self._resources[""] = ""
        self._scan(root)

    def at(self, path: str) -> Any:
        """The schema at a pointer that `resolve` or a walk down gave."""
        return self._walk(self.root, path[1:].split("/") if path else [])

    def base(self, path: str) -> str:
        """The base URI of the schema at a pointer."""
        while path not in self._base and path:
            path = path.rpartition("/")[0]
        return self._base.get(path, "")

    def resolve(self, reference: Any, path: str) -> str:
        """Pointer to the schema that a reference, written in the schema at `path`, means.

        Raises:
            UnsupportedSchemaError: it is not in this document.
        """
        if not isinstance(reference, str):
            raise UnsupportedSchemaError("$ref", path, f"{reference!r} is not a reference")
        uri, fragment = urldefrag(_join(self.base(path), reference))
        if uri not in self._resources:
            raise UnsupportedSchemaError(
                "$ref", path, f"{reference!r} is not in this document", hint="put it under $defs"
            )
        start = self._resources[uri]
        if not fragment:
            return start
        if fragment.startswith("/"):
            return self._pointed(start, fragment, reference, path)
        target = self._anchors.get((uri, unquote(fragment)))
        if target is None:
            raise UnsupportedSchemaError("$ref", path, f"{reference!r} leads nowhere")
        return target

    def resolve_dynamic(self, reference: Any, path: str, scope: tuple[str, ...]) -> str:
        """What `$dynamicRef` means, when schema resources were entered in the order of `scope`."""
        target = self.resolve(reference, path)
        uri, fragment = urldefrag(_join(self.base(path), reference))
        if self._dynamic.get((uri, unquote(fragment))) != target:
            return target
        for resource in scope:
            if (resource, unquote(fragment)) in self._dynamic:
                return self._dynamic[resource, unquote(fragment)]
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

    def _scan(self, root: JsonSchema) -> None:
        pending: list[tuple[Any, str, str]] = [(root, "", "")]
        while pending:
            schema, path, base = pending.pop()
            rules = as_object(schema)
            if rules is None:
                continue
            base = self._enter(rules, path, base)
            self._base[path] = base
            pending += [(inner, at, base) for inner, at in _subschemas(rules, path)]

    def _enter(self, rules: Any, path: str, base: str) -> str:
        """Register a schema's identifiers; returns its base URI."""
        identifier = rules.get("$id")
        if isinstance(identifier, str) and not (self.ignores_beside_ref and "$ref" in rules):
            uri, fragment = urldefrag(_join(base, identifier))
            if fragment:  # draft 7's way to write an anchor
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


def _join(base: str, reference: str) -> str:
    if reference.startswith("#"):
        return base + reference
    return urljoin(base, reference) if base else reference


def _subschemas(rules: Any, path: str) -> Iterator[tuple[Any, str]]:
    for keyword, value in rules.items():
        items, members = as_list(value), as_object(value)
        if keyword in _LIST and items is not None:
            yield from ((item, pointer(path, keyword, index)) for index, item in enumerate(items))
        elif keyword in _MAP and members is not None:
            yield from ((inner, pointer(path, keyword, name)) for name, inner in members.items())
        elif keyword in _ONE:
            yield value, pointer(path, keyword)
