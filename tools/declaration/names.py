"""Names of tools: those that models and servers allow, and allowed ones for names from elsewhere."""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from agentfast.errors import ToolDefinitionError

_LONGEST: Final = 64
_NAME: Final = re.compile(rf"[A-Za-z_][A-Za-z0-9_-]{{0,{_LONGEST - 1}}}")
_HASH_DIGITS: Final = 8


def is_name(name: object) -> bool:
    """True for a name that models and servers allow a tool to have."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked_name(name: object) -> str:
    """The name, if a tool can have it.

    Raises:
        ToolDefinitionError: it cannot.
    """
    if not isinstance(name, str) or not is_name(name):
        raise ToolDefinitionError(
            f"{name!r} is not a tool name", hint="pass name= with up to 64 letters, digits, _ or -"
        )
    return name


def allowed_names(names: Iterable[str]) -> dict[str, str]:
    """An allowed name for each of the names, all different: itself where it is allowed.

    Another one has its letters without accents and "_" for what is left. Where that is too long or somebody else's, a hash
    of the original is at its end. The order of the names does not matter.
    """
    originals = sorted(set(names))
    found = {name: name for name in originals if is_name(name)}
    plain = {name: _plain(name) for name in originals if name not in found}
    taken = set(found)
    for name, text in plain.items():
        alone = sum(text == other for other in plain.values()) == 1
        if alone and len(text) <= _LONGEST and text not in taken:
            found[name] = text
    taken |= set(found.values())
    for name, text in plain.items():
        if name not in found:
            found[name] = next(each for each in _hashed(name, text) if each not in taken)
            taken.add(found[name])
    return found


def _plain(name: str) -> str:
    """The name's letters, digits, "_" and "-"; "_" where others were, and before a first one that cannot be first."""
    ascii_text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    text = re.sub(r"[^A-Za-z0-9_-]+", "_", ascii_text).strip("_") or "tool"
    return text if text[0].isalpha() else f"_{text}"


def _hashed(name: str, text: str) -> Iterable[str]:
    for attempt in itertools.count():
        source = f"{attempt or ''}{name}".encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(source).hexdigest()[:_HASH_DIGITS]
        yield f"{text[: _LONGEST - _HASH_DIGITS - 1]}_{digest}"
