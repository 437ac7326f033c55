"""The function schemas of the Berkeley Function Calling Leaderboard, from an installed or unpacked `bfcl-eval`.

They are JSON Schema but for their type names, which are those of Python, Java and JavaScript. `load_functions` maps
these, says that an object without `properties` is free to have any, and leaves out types that JSON Schema lacks: "any" and ""
as types, the mark "optional", and a type that none of the values under `enum` has (flags as "true" and "false", say,
beside the type boolean).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from agentfast.errors import ConfigError
from agentfast.runtime.grammar.schema.keywords import as_list, as_object

TYPES: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(("string", "String", "char"), "string"),
    **dict.fromkeys(("integer", "byte", "short", "long", "Bigint"), "integer"),
    **dict.fromkeys(("number", "float", "double"), "number"),
    **dict.fromkeys(("boolean", "bool", "Boolean"), "boolean"),
    **dict.fromkeys(("array", "list", "tuple", "Array", "ArrayList", "Queue", "Stack"), "array"),
    **dict.fromkeys(("object", "dict", "HashMap", "Hashtable"), "object"),
    **dict.fromkeys(("any", "Any", ""), None),
}
"""JSON's name of a type, None where it says nothing."""


@dataclass(frozen=True)
class BfclFunction:
    """A function that a model may call, and the JSON Schema of its arguments."""

    name: str
    parameters: dict[str, Any]


def load_functions(path: str | Path | None = None) -> list[BfclFunction]:
    """The different functions of all categories, in the order of the files' names.

    Args:
        path: the package's directory or the one around it; None: the installed package.

    Raises:
        ConfigError: there is no such data, or a type that is not known.
    """
    data = _data_directory(path)
    found: dict[str, BfclFunction] = {}
    for file in (*sorted(data.glob("BFCL_*.json")), *sorted((data / "multi_turn_func_doc").glob("*.json"))):
        for document in _functions(file):
            function = BfclFunction(document["name"], _schema(document["parameters"]))
            found.setdefault(json.dumps([function.name, function.parameters]), function)
    if not found:
        raise ConfigError(f"{data} has no function of the leaderboard")
    return list(found.values())


def _data_directory(path: str | Path | None) -> Path:
    if path is None:
        spec = find_spec("bfcl_eval")
        if spec is None or spec.origin is None:
            raise ConfigError(
                "bfcl_eval is not installed", hint="pip install bfcl-eval, or name its directory"
            )
        path = Path(spec.origin).parent
    for directory in (Path(path), Path(path, "bfcl_eval")):
        if (directory / "data").is_dir():
            return directory / "data"
    raise ConfigError(f"{path} is not the bfcl_eval package or the directory around it")


def _functions(file: Path) -> Iterator[Mapping[str, Any]]:
    """The functions of a file: one JSON object a line, a question with its functions or a function; others have none."""
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            row = as_object(json.loads(line)) or {}
        except ValueError:
            return  # not one object a line: settings, not questions
        for item in as_list(row.get("function")) or [row]:
            document = as_object(item)
            if document is not None and "parameters" in document:
                yield document


def _schema(source: Mapping[str, Any]) -> dict[str, Any]:
    schema = {keyword: value for keyword, value in source.items() if keyword not in ("type", "optional")}
    if source.get("type", "") not in TYPES:
        raise ConfigError(f"the type {source['type']!r} is not known")
    kind = TYPES[source.get("type", "")]
    values = as_list(source.get("enum"))
    if kind is not None and (values is None or any(_has_type(value, kind) for value in values)):
        schema = {"type": kind, **schema}
    if (properties := as_object(source.get("properties"))) is not None:
        schema["properties"] = {name: _schema(inner) for name, inner in properties.items()}
    elif kind == "object":
        schema["additionalProperties"] = True
    if (items := as_object(source.get("items"))) is not None:
        schema["items"] = _schema(items)
    return schema


def _has_type(value: Any, kind: str) -> bool:
    match value:
        case bool():
            return kind == "boolean"
        case int():
            return kind in ("integer", "number")
        case float():
            return kind == "number"
        case str():
            return kind == "string"
        case list():
            return kind == "array"
        case _:
            return kind == "object"
