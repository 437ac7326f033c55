"""The chat format's interface: messages to segments, a turn's rules to a grammar, the model's segments to a message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from agentfast.errors import ConfigError, GrammarError, UnsupportedSchemaError
from agentfast.messages import AssistantMessage, Message
from agentfast.tools.call import ToolDefinition
from agentfast.tools.checks import shown

if TYPE_CHECKING:
    from agentfast.runtime.core.fields import TurnFields
    from agentfast.runtime.grammar import Grammar
    from agentfast.runtime.grammar.automaton.whitespace import Whitespace

Segment = tuple[bool, str]
"""(True, name of a special token) or (False, text). Text is encoded apart from the special tokens, so it holds none."""


@dataclass(frozen=True, slots=True)
class TurnRules:
    """Rules of a turn; see `ModelRequest`."""

    tools: tuple[ToolDefinition, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    output_grammar: Grammar | None = None
    tool_choice: str = "auto"
    max_calls: int = 8

    @property
    def may_answer(self) -> bool:
        """True if the turn may be an answer rather than calls."""
        return self.tool_choice in ("auto", "none")

    @property
    def callable_tools(self) -> tuple[ToolDefinition, ...]:
        """The tools that may be called in this turn.

        Raises:
            ConfigError: a call is asked for, but there is no such tool.
        """
        if self.tool_choice == "none":
            return ()
        if self.tool_choice == "auto":
            return self.tools
        if self.tool_choice == "required":
            chosen = self.tools
        else:
            chosen = tuple(tool for tool in self.tools if tool.name == self.tool_choice)
        if not chosen:
            known = ", ".join(tool.name for tool in self.tools) or "none at all"
            raise ConfigError(
                f"tool_choice is {self.tool_choice!r}, but there is no such tool; there are: {known}"
            )
        return chosen

    @property
    def most_calls(self) -> int:
        """Calls in the turn at most; of a named tool there is one."""
        return self.max_calls if self.tool_choice in ("auto", "required") else 1


def answer_grammar(rules: TurnRules, text: Grammar, whitespace: Whitespace) -> Grammar:
    """The answers that a turn may be.

    Args:
        text: those without a type.
        whitespace: in the JSON of those with one.

    Raises:
        UnsupportedSchemaError: a schema that cannot be enforced.
    """
    if rules.output_schema is not None:
        return _compiled(rules.output_schema, "the output type", whitespace)
    return text if rules.output_grammar is None else rules.output_grammar


def arguments_grammar(
    tool: ToolDefinition, parameters: Mapping[str, Any], whitespace: Whitespace = "compact"
) -> Grammar:
    """The arguments of a call, as JSON.

    Args:
        parameters: the tool's schema, in the order in which the format writes properties.

    Raises:
        UnsupportedSchemaError: a schema that cannot be enforced; it names the tool.
        GrammarError: no value meets the schema; it names the tool and the field.
    """
    return _compiled(parameters, f"tool {tool.name!r}", whitespace)


def _compiled(schema: Mapping[str, Any], owner: str, whitespace: Whitespace) -> Grammar:
    from agentfast.runtime.grammar import compile_schema
    from agentfast.runtime.grammar.schema.unsatisfiable import is_unsatisfiable, unsatisfiable_field

    try:
        grammar = compile_schema(schema, whitespace=whitespace)
    except UnsupportedSchemaError as error:
        raise error.owned_by(owner) from error
    if is_unsatisfiable(grammar.node):
        place, field = unsatisfiable_field(schema)
        raise GrammarError(
            f"{owner}: no value meets "
            + (f"the schema of {place!r}" if place else "its schema")
            + f": {shown(field)}",
            hint="loosen its bounds, patterns or constants",
        )
    return grammar


class ChatFormat(Protocol):
    """Conversation format that a model was trained on. Stateless.

    The rendering of a conversation is the concatenation of its messages' renderings, each of which depends on the
    messages before it at most, so a conversation that grows is rendered piece by piece. An assistant message is
    rendered as `open_turn`, its content, `close_turn`.

    Attributes:
        whitespace: how the model spaces the JSON of typed answers, for `answer_grammar`. "compact": not at all; "spaced":
            a space after `,` and `:`; "flexible": either, or lines with an indentation, as models write that learnt JSON
            from texts. Forbidding what a model writes costs it accuracy; what it never writes costs states.
    """

    @property
    def whitespace(self) -> Whitespace: ...

    def render(
        self,
        messages: Sequence[Message],
        start: int,
        tools: Sequence[ToolDefinition],
        output_schema: Mapping[str, Any] | None,
    ) -> Iterator[Segment]:
        """Segments of `messages[start:]`; those before are known to be rendered. Start 0 declares the tools as well."""
        ...

    def open_turn(self, messages: Sequence[Message]) -> Iterator[Segment]:
        """Segments after `messages` that open the model's turn."""
        ...

    def close_turn(self, message: AssistantMessage) -> Iterator[Segment]:
        """Segments that close the model's turn, its end token included."""
        ...

    def grammar(self, rules: TurnRules) -> Grammar:
        """All that the model may say in a turn, without the end token.

        Raises:
            ConfigError: the rules ask for a tool that there is not.
            UnsupportedSchemaError: a schema that cannot be enforced.
        """
        ...

    def parse(self, segments: Sequence[Segment]) -> AssistantMessage:
        """Parse the model's turn, without the end token.

        Raises:
            ModelError: it does not keep to the format, which the grammar rules out.
        """
        ...


@runtime_checkable
class FieldFormat(Protocol):
    """A format whose notation of calls the runtime can scan, so that each value can have its confidence.

    The calls and answers of a format without it have none.
    """

    def turn_fields(self, rules: TurnRules) -> TurnFields:
        """The fields of a turn under these rules: notation of its calls, schemas of its tools and of its answer."""
        ...

    def value(self, part: int | None, path: str, written: bytes) -> Any:
        """Parse one of a field's `values`; the field's key is (part, path)."""
        ...
