"""A call that a model asks for, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. `arguments` is the decoded JSON object."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call returned: compact JSON text that the model reads.

    A failed call has `is_error` set, and its content is `{"error": "..."}`.
    """

    call_id: str
    name: str
    content: str
    is_error: bool = False
    duration_s: float = 0.0
