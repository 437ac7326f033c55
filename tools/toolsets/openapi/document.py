"""OpenAPI documents: read, checked, and looked up by their references."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import unquote

from agentfast.errors import ToolDefinitionError
from agentfast.tools.checks import shown

_MOST_STEPS: Final = 32
"""References that lead on to references."""
_YAML_1_1: Final = ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp")


class Document:
    """An OpenAPI document of version 3.

    Attributes:
        root: its JSON.
        is_3_0: it is of version 3.0, whose schemas differ from JSON Schema.
    """

    def __init__(self, source: Mapping[str, Any] | str | Path) -> None:
        """Read a document.

        Args:
            source: the document as a dict, as JSON or YAML text, or the path of a file with it.

        Raises:
            ToolDefinitionError: it cannot be read, or is none of version 3.
        """
        self.root = _read(source)
        version = self.root.get("openapi")
        if not isinstance(version, str) or not version.startswith("3."):
            found = f"Swagger {self.root['swagger']}" if "swagger" in self.root else f"openapi: {version!r}"
            raise ToolDefinitionError(
                f"the document is no OpenAPI 3.0 or 3.1 ({found})", hint="convert it to version 3"
            )
        self.is_3_0 = version.startswith("3.0")

    def resolved(self, node: object, where: str) -> dict[str, Any]:
        """The object itself, or the one that its reference leads to.

        Raises:
            ToolDefinitionError: it is none, or refers to what the document does not hold.
        """
        for _ in range(_MOST_STEPS):
            if not isinstance(node, dict):
                raise ToolDefinitionError(f"{where} is {shown(node)}; it takes an object")
            found = cast("dict[str, Any]", node)
            if not isinstance(found.get("$ref"), str):
                return found
            node = self.target(found["$ref"], where)
        raise ToolDefinitionError(f"{where} refers to itself")

    def target(self, reference: str, where: str) -> Any:
        """What a reference leads to.

        Raises:
            ToolDefinitionError: it leads out of the document, or to nothing.
        """
        if not reference.startswith("#/"):
            raise ToolDefinitionError(
                f"{where} refers to {reference!r}, outside of the document",
                hint="bundle it into one document",
            )
        node: Any = self.root
        for part in reference[2:].split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(node, list) and key.isdigit() and int(key) < len(node):
                node = node[int(key)]
            elif isinstance(node, dict) and key in node:
                node = node[key]
            else:
                raise ToolDefinitionError(
                    f"{where} refers to {reference!r}, which the document does not hold"
                )
        return node


def _read(source: object) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return cast("dict[str, Any]", _with_text_keys(source))
    if isinstance(source, str) and not source.lstrip().startswith("{") and "\n" not in source.strip():
        source = Path(source)
    if isinstance(source, Path):
        try:
            source = source.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise ToolDefinitionError(f"the document {str(source)!r} cannot be read: {error}") from error
    if not isinstance(source, str):
        raise ToolDefinitionError(f"an OpenAPI document is a dict, a text or a path, not {shown(source)}")
    found = _parsed(source)
    if not isinstance(found, Mapping):
        raise ToolDefinitionError(f"an OpenAPI document is an object, not {shown(found)}")
    return cast("dict[str, Any]", _with_text_keys(found))


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        if text.lstrip().startswith("{"):
            raise ToolDefinitionError(f"the document is not JSON: {error}") from error
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise ToolDefinitionError(
            "the document is not JSON, and YAML is read by a package that is not installed",
            hint="pip install pyyaml",
        ) from error

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """Reads YAML 1.2: `on` and what looks like a date are texts."""

    Loader.yaml_implicit_resolvers = {
        first: [rule for rule in rules if rule[0] not in _YAML_1_1]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(
        _YAML_1_1[0], re.compile("^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
    )
    try:
        return yaml.load(text, Loader=Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise ToolDefinitionError(f"the document is neither JSON nor YAML: {error}") from error


def _with_text_keys(node: object) -> Any:
    """The document with keys that are texts, as YAML reads `200:` as a number."""
    if isinstance(node, Mapping):
        fields = cast("Mapping[object, object]", node)
        return {str(key): _with_text_keys(value) for key, value in fields.items()}
    if isinstance(node, (list, tuple)):
        return [_with_text_keys(item) for item in cast("list[object]", node)]
    return node
