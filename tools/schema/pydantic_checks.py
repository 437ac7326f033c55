"""Checks that pydantic's own functions make, as keywords of JSON Schema; or marked, where there are none for them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import pydantic
from pydantic.json_schema import JsonSchemaValue

from agentfast.tools.schema import patterns
from agentfast.tools.schema.json_keywords import MARK

_ORDINARY: Final = re.compile(r"_Base(?:MultiHost)?Url\.|Secret|UuidVersion|IPvAny|_\w*url")
"""pydantic's functions that refuse nothing which their schema allows."""


def checked_by(function: Callable[..., Any], found: Mapping[str, Any]) -> JsonSchemaValue:
    """Keywords for the check of a function, where it is pydantic's own."""
    owner: Any = getattr(function, "__self__", None)
    name, module = getattr(function, "__qualname__", ""), getattr(function, "__module__", None) or ""
    if isinstance(owner, (pydantic.EncodedStr, pydantic.EncodedBytes)):
        return _encoded(owner)
    if isinstance(owner, type):
        name, module = owner.__name__, owner.__module__
        if issubclass(owner, pydantic.ByteSize):
            return _byte_size(owner, found)
    if name == "Color":
        return _color(owner, module)
    match name:
        case "EmailStr" | "validate_email":
            return {"pattern": patterns.EMAIL, "maxLength": 64}
        case "NameEmail":
            return {"pattern": patterns.EMAIL, "maxLength": 64}
        case "validate_str_is_valid_iana_tz":
            return {"pattern": patterns.time_zones()}
        case "pattern_either_validator" | "pattern_str_validator" | "pattern_bytes_validator":
            return {"pattern": patterns.REGULAR_EXPRESSION}
        case "import_string":
            return {MARK: "that a name can be imported is beyond a schema: use str or a Literal"}
        case _ if name.startswith("PathType."):
            return {MARK: "that a path exists depends on the disk: use Path, and check it in the tool"}
        case _ if module.startswith(("pydantic.", "pydantic_extra_types")) and not _is_ordinary(name, module):
            return {MARK: f"the check of {name.partition('.')[0]} is beyond a schema: use str with a pattern"}
        case _:
            return {}


def _is_ordinary(name: str, module: str) -> bool:
    return module.startswith("pydantic._internal") or _ORDINARY.match(name) is not None


def _encoded(owner: pydantic.EncodedStr | pydantic.EncodedBytes) -> JsonSchemaValue:
    alphabet = {pydantic.Base64Encoder: "+/", pydantic.types.Base64UrlEncoder: "-_"}.get(
        cast("Any", owner.encoder)
    )
    if alphabet is None or isinstance(owner, pydantic.EncodedBytes):
        return {}
    return {"pattern": patterns.base64_text(alphabet)}


def _byte_size(owner: type[pydantic.ByteSize], found: Mapping[str, Any]) -> JsonSchemaValue:
    text = {"type": "string", "pattern": patterns.byte_sizes(owner.byte_sizes)}
    return {"anyOf": [text, found["anyOf"][1]]}


def _color(owner: Any, module: str) -> JsonSchemaValue:
    names: Mapping[str, Any] = getattr(sys.modules[module], "COLORS_BY_NAME", {})
    return {"pattern": patterns.colors(names)}
