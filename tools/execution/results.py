"""Results of tools as JSON text, cut where they are too long."""

from __future__ import annotations

import json
import sys
from typing import Any, Final, cast

import pydantic_core

from agentfast.errors import ToolError
from agentfast.tools.checks import shown
from agentfast.tools.schema.strict_json import repeated_key
from agentfast.tools.unicode import well_formed_json

LEAST_RESULT_BYTES: Final = 100
"""Room for the marker of a result that was cut."""
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))


def result_json(value: object, max_bytes: int) -> str:
    """A result as compact JSON: any value that pydantic can write, and numpy's scalars and arrays.

    NaN and infinity are null. A longer one is `{"truncated": true, "of_bytes": N, "beginning": "..."}`: its size and its
    beginning, of a text the text's, of another value its JSON's.

    Args:
        max_bytes: of the JSON; at least LEAST_RESULT_BYTES.

    Raises:
        ToolError: JSON would write two keys of a dict alike.
        TypeError: JSON cannot hold the value.
    """
    try:
        content = pydantic_core.to_json(value, inf_nan_mode="null", fallback=_of_numpy)
    except (pydantic_core.PydanticSerializationError, ValueError) as error:
        content = _without_surrogates(value, error)
    if not _has_plain_keys(value) and (key := repeated_key(content)) is not None:
        raise ToolError(f"the tool returned a dict with two keys that JSON writes as {key!r}")
    if len(content) > max_bytes:
        content = _cut(content, max_bytes)
    return content.decode()


def _has_plain_keys(value: object) -> bool:
    """True for a value that is quickly seen to have no two keys that JSON writes alike."""
    if type(value) in _SCALARS:
        return True
    if type(value) is not dict:
        return False
    fields = cast("dict[object, object]", value)
    return all(type(key) is str and type(inner) in _SCALARS for key, inner in fields.items())


def _of_numpy(value: Any) -> Any:
    """A scalar or array of numpy as Python's values; numpy is not imported for it.

    Raises:
        TypeError: it is something else.
    """
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
        if value.dtype.kind in "mM":  # in nanoseconds they would be bare numbers
            return value.astype(str).tolist()
        if value.dtype.kind == "g" or value.dtype.char == "g":  # a long double's item is itself
            value = value.astype(float)
        elif value.dtype.char == "G":
            value = value.astype(complex)
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not a value of JSON")


def _without_surrogates(value: object, failure: Exception) -> bytes:
    """JSON of a value that was refused, if nothing but lone surrogates was the reason."""
    try:
        # Before as well, for the keys of dicts.
        plain = pydantic_core.to_jsonable_python(
            well_formed_json(value), inf_nan_mode="null", fallback=_of_numpy
        )
        return pydantic_core.to_json(well_formed_json(plain))
    except (TypeError, pydantic_core.PydanticSerializationError, ValueError, RecursionError):
        advice = "; bytes are read as UTF-8: return base64.b64encode(...).decode() of others"
        said = f"{failure}{advice if 'utf-8' in str(failure) else ''}"
        raise TypeError(f"the tool returned {shown(value)}, which JSON cannot hold: {said}") from failure


def _cut(content: bytes, max_bytes: int) -> bytes:
    """The longest beginning that fits with its marker, by bisection."""
    text = json.loads(content) if content[:1] == b'"' else content.decode()
    least, most = 0, min(len(text), max_bytes)
    while least < most:
        middle = (least + most + 1) // 2
        if len(_marked(text[:middle], len(content))) <= max_bytes:
            least = middle
        else:
            most = middle - 1
    return _marked(text[:least], len(content))


def _marked(beginning: str, of_bytes: int) -> bytes:
    return pydantic_core.to_json({"truncated": True, "of_bytes": of_bytes, "beginning": beginning})
