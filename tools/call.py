"""Declaration, call and result of a tool: plain data between the model and the tools."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentfast.tools.confidence import Confidence


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    """A tool's declaration, as the model sees it. `parameters` is the JSON Schema of a closed object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. `arguments` is the decoded JSON object.

    `confidence` says how sure the model was, None if it gives no probabilities; equality leaves it out. `malformed` is
    the text that a model wrote in place of a JSON object, if it did: the call is then answered by an error, not run.
    """

    name: str
    arguments: dict[str, Any]
    id: str = ""
    confidence: Confidence | None = field(default=None, compare=False, repr=False)
    malformed: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """Result of a call: compact JSON text that the model reads.

    A failed call has `is_error` set, and its content is `{"error": "..."}`.

    Attributes:
        exception: what the tool raised, or the ToolError for which it was not run; None if it ended well. Equality leaves
            it out, and copies and pickles are without it, as an exception may refuse to be copied.
    """

    call_id: str
    name: str
    content: str
    is_error: bool = False
    duration_s: float = 0.0
    exception: BaseException | None = field(default=None, compare=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return ToolResult, (self.call_id, self.name, self.content, self.is_error, self.duration_s)
