"""The constraint that one request to vLLM asks for: plain data that can be handed from process to process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Constraint:
    """A description of the outputs that one request allows. Equal ones have their members in the same order, too.

    Attributes:
        source: the constraint in JSON values, one of {"json": schema}, {"regex": pattern}, {"choice": texts},
            {"structural_tag": tag} and {"tools": [{"name", "description", "parameters"}], "tool_choice": "auto",
            "required", "none" or a name, "max_calls": number, "answer": one of the others or None}. An answer may also
            say its "whitespace".
        thinking: whether the model was told to think. None: it is not known, and a thought is allowed.
        confidence: whether the probability of each field is asked for.
        open_thought: whether the prompt ends inside a thought.
    """

    source: dict[str, Any]
    thinking: bool | None = None
    confidence: bool = False
    open_thought: bool = False

    def as_text(self) -> str:
        """JSON text that `constraint_of` reads back; the order of members is kept, as it is that of the output.

        It is ASCII: a schema may hold half a surrogate pair, which no process could send to another as it is.
        """
        answer = self.source.get("answer") or {}
        flat = {name: value for name, value in self.source.items() if name != "answer"}
        said = {
            **flat,
            **answer,
            "thinking": self.thinking,
            "confidence": self.confidence,
            "open_thought": self.open_thought,
        }
        return json.dumps(said, separators=(",", ":"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Constraint) and self.as_text() == other.as_text()

    def __hash__(self) -> int:
        return hash(self.as_text())
