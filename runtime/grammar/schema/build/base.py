"""Protocol of the node builder, as the builders of objects, arrays and unique keys use it."""

from __future__ import annotations

from typing import Protocol

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.boolean_formula import Formula
from agentfast.runtime.grammar.automaton.whitespace import Gaps
from agentfast.runtime.grammar.schema.build.mode import Mode
from agentfast.runtime.grammar.schema.rules.subschemas import Subschemas
from agentfast.runtime.grammar.strings.language import StringLanguage


class NodeBuilder(Protocol):
    """Nodes, formulas and string languages of one document's subschemas; see `Builder`."""

    gaps: Gaps
    digest: str

    def value(self, subschemas: Subschemas, mode: Mode) -> nodes.Node:
        """Values that meet all of the subschemas."""
        ...

    def formula(self, subschemas: Subschemas) -> Formula:
        """All of the subschemas as one formula."""
        ...

    def strings(self, formula: Formula) -> StringLanguage:
        """The strings that a formula over `StringRules` allows."""
        ...

    def has_no_values(self, subschemas: Subschemas, levels: int, mode: Mode) -> bool:
        """Test whether the subschemas plainly exclude each other."""
        ...
