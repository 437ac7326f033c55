"""Values that are JSON as every reader takes it, and schemas made so."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, cast

import pydantic_core

from agentfast.tools.unicode import is_text, lone_surrogate

_PLAIN: Final = frozenset({int, float, bool, type(None)})


def is_json_object(value: object) -> bool:
    """True for a dict made of what `json.loads` makes, NaN included, whose texts UTF-8 can carry.

    Faster than to write it, as it runs for each call of a history.
    """
    return type(value) is dict and _is_json(cast("object", value))


def _is_json(value: object) -> bool:
    kind = type(value)
    if kind is str:
        return is_text(value)
    if kind is int or kind is float or kind is bool or value is None:
        return True
    if kind is list:
        return all(map(_is_json, cast("list[object]", value)))
    if kind is not dict:
        return False
    for key, inner in cast(
        "dict[object, object]", value
    ).items():  # all() of a generator takes twice the time
        if not (is_text(key) and (type(inner) in _PLAIN or _is_json(inner))):
            return False
    return True


def repeated_key(written: bytes) -> str | None:
    """The first key that comes twice in an object of a JSON text; None if there is none.

    Most texts are told by their length: read and written again they lose such a key, and nothing else.
    """
    if written.count(b'":') < 2:  # it has fewer than two keys
        return None
    try:
        if len(pydantic_core.to_json(pydantic_core.from_json(written))) == len(written):
            return None
    except ValueError:  # too deep for that reader
        pass
    repeated: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.append(key)
            seen.add(key)

    try:
        json.loads(written, object_pairs_hook=note)
    except RecursionError:
        return None
    return repeated[0] if repeated else None


def strict_json(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema without the defaults that JSON cannot hold; the function or the type fills them in all the same.

    Raises:
        ValueError: it holds something else that JSON cannot; the message says where.
    """
    return cast("dict[str, Any]", _strict(schema, ""))


def _strict(value: Any, path: str) -> Any:
    where = path or "/"
    if isinstance(value, str) and lone_surrogate(value) is not None:
        raise ValueError(f"has a lone surrogate at {where}: {value!a}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"has {value} at {where}, which JSON cannot hold")
    if isinstance(value, (list, tuple)):
        return [_strict(item, f"{path}/{index}") for index, item in enumerate(cast("list[Any]", value))]
    if not isinstance(value, Mapping):
        return value
    fields = cast("Mapping[str, Any]", value)
    in_properties = path.endswith(("/properties", "/$defs"))  # where "default" is a name
    return {
        _strict(key, where): _strict(inner, f"{path}/{key}")
        for key, inner in fields.items()
        if in_properties or key != "default" or _can_be_written(inner)
    }


def _can_be_written(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):  # UnicodeEncodeError is a ValueError
        return False
    return True
