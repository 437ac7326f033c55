"""The arguments of a call as servers write them."""

from __future__ import annotations

import json
from typing import Any, cast

from agentfast.models.openai.json_text import parse_json, well_formed


def read_arguments(written: Any) -> tuple[dict[str, Any], str | None]:
    """The arguments, and None; or nothing, and the text that stands in place of a JSON object.

    An object is taken as it is or as its JSON text. No arguments, an empty text and null are an empty object: the tool
    then says if it needs any.
    """
    value: Any = written
    try:
        if isinstance(written, str):
            value = parse_json(written) if written.strip() else None
        # Refused is also what Python's reader takes and JSON does not have: NaN, infinity, numbers beyond a float.
        text = json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        text = repr(value)
    else:
        if value is None:
            return {}, None
        if isinstance(value, dict):
            return cast("dict[str, Any]", value), None
    return {}, well_formed(written) if isinstance(written, str) else text
