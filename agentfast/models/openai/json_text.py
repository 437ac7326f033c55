"""JSON as servers write it, read leniently, and JSON that every server can read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from agentfast.errors import ConfigError

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str, *, mend: bool = True) -> Any:
    """A JSON value. Raw control characters inside strings are taken for themselves, a byte order mark is skipped.

    Args:
        text: JSON text.
        mend: replace lone surrogates; not for pieces that are joined later, as a pair may be torn apart.

    Raises:
        ValueError: it is not JSON; the message says where.
    """
    try:
        value = json.loads(text.removeprefix("\ufeff"), strict=False)
        return mended(value) if mend and _SURROGATE.search(text) else value
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def mended(value: Any) -> Any:
    """A JSON value whose strings and keys are all `well_formed`."""
    if isinstance(value, str):
        return well_formed(value)
    if fields := as_object(value):
        return {well_formed(key): mended(inner) for key, inner in fields.items()}
    if items := as_list(value):
        return [mended(inner) for inner in items]
    return value


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate, which UTF-8 cannot carry; the halves of a pair become one character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class PairJoiner:
    """Joins the halves of a surrogate pair that lie in two pieces of a text.

    Attributes:
        half: first half of a pair whose second is to come; "" if there is none.
    """

    def __init__(self) -> None:
        self.half = ""

    def add(self, piece: str) -> str:
        """The text that the piece adds, well formed."""
        text = self.half + piece
        self.half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return well_formed(text.removesuffix(self.half))


def dump_json(value: Any, name: str) -> str:
    """Compact JSON text, which UTF-8 can carry.

    Args:
        value: to be written.
        name: of the value, for the error.

    Raises:
        ConfigError: JSON cannot hold it; the message names the place.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{_culprit(value, name)}, which JSON cannot hold") from error
    return well_formed(text)


def as_object(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return cast("Sequence[Any]", value) if isinstance(value, list) else ()


def _culprit(value: Any, path: str) -> str:
    """The place of the first value that JSON cannot hold, and the value."""
    inner: list[tuple[object, Any]] = []
    if isinstance(value, dict):
        inner = list(cast("dict[object, Any]", value).items())
    elif isinstance(value, (list, tuple)):
        inner = list(enumerate(cast("list[Any]", value)))
    for key, item in inner:
        try:
            json.dumps(item, allow_nan=False)
        except (TypeError, ValueError):
            return _culprit(item, f"{path}.{key}")
        except RecursionError:
            return f"{path}.{key} is nested too deeply"
    return f"{path} is {value!r}"
