"""Arguments of a call in Gemma 4's notation as JSON text, whole or as far as they have come.

vLLM's parser reads a value that is no string as one, and then guesses its type from the tool's schema, which it does not
find behind a reference or among properties that are not declared: 7 becomes "7" there. The notation itself says what is
a string, as strings alone are quoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

from agentfast.chat.gemma4_notation import QUOTE

Converter = Callable[[str, bool], str]
"""Arguments without their first brace, and whether more is to come, to JSON text."""

_KEY: Final = re.compile(r'([{,])([^:{}\[\],"]+):')


def exactly(theirs: Converter) -> Converter:
    """A converter that keeps types; what is not in the notation goes to vLLM's own."""

    def convert(raw: str, partial: bool) -> str:
        text = as_json(raw, partial=partial)
        if partial:
            return text
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return theirs(raw, partial)
        return text

    return convert


def as_json(raw: str, *, partial: bool) -> str:
    """The JSON text; of arguments that are not whole, a beginning of it, followed by what is not sure yet."""
    parts = ("{" + raw).split(QUOTE)
    written: list[str] = []
    for at, part in enumerate(parts):
        if at % 2 == 0:
            written.append(
                _KEY.sub(lambda match: f"{match[1]}{json.dumps(match[2], ensure_ascii=False)}:", part)
            )
        elif partial and at == len(parts) - 1:
            written.append(json.dumps(_without_begun_quote(part), ensure_ascii=False)[:-1])
        else:
            written.append(json.dumps(part, ensure_ascii=False))
    return "".join(written)


def _without_begun_quote(text: str) -> str:
    """The text without a quote that has come in part."""
    begun = next((n for n in range(len(QUOTE) - 1, 0, -1) if text.endswith(QUOTE[:n])), 0)
    return text[: len(text) - begun]
