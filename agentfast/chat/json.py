"""The JSON chat format, which the embedded model speaks.

    <|system|>INSTRUCTIONS
    find_order(id:int,status?:"open"|"shipped")Finds an order.<|end|>
    <|user|>TEXT<|end|>
    <|assistant|><|call|>{"name":"find_order","arguments":{"id":1042}}<|end|>
    <|result|>{"id":1042,"status":"open"}<|end|>
    <|assistant|>The order is open.<|end|>

(Without the line breaks before the special tokens.) Every text is encoded apart from the special tokens, so
that no text can contain one: user input and tool results cannot open a turn or a call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, cast

from agentfast.chat.base import Segment, TurnRules, answer_grammar, arguments_grammar
from agentfast.chat.json_signature import dump_json, render_signature, render_type
from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.tools.call import ToolDefinition

if TYPE_CHECKING:
    from agentfast.runtime.core.fields import TurnFields
    from agentfast.runtime.grammar import Grammar
    from agentfast.runtime.grammar.automaton.whitespace import Whitespace

END, SYSTEM, USER = "<|end|>", "<|system|>", "<|user|>"
ASSISTANT, CALL, RESULT = "<|assistant|>", "<|call|>", "<|result|>"
PAD = "<pad>"
CALL_OPENING, CALL_ARGUMENTS = '{"name":', ',"arguments":'
WRITTEN_CALL = r'\{\s*"name"\s*:'
"""A regular expression: how a call begins that is written out as text."""
SPECIAL_TOKENS = (PAD, END, SYSTEM, USER, ASSISTANT, CALL, RESULT)


def render_call(call: ToolCall) -> str:
    """The JSON text of one call, as it stands after a call token."""
    return dump_json({"name": call.name, "arguments": call.arguments})


def render_message(message: Message, declarations: str = "") -> Iterator[Segment]:
    """Segments of one message; `declarations` go into the system message."""
    match message:
        case SystemMessage(text):
            yield True, SYSTEM
            yield False, text + declarations
        case UserMessage(text):
            yield True, USER
            yield False, text
        case ToolMessage(content=content):
            yield True, RESULT
            yield False, content
        case AssistantMessage(text, calls):
            yield True, ASSISTANT
            if text:
                yield False, text
            for call in calls:
                yield True, CALL
                yield False, render_call(call)
    yield True, END


def render_declarations(
    tools: Sequence[ToolDefinition], output_schema: Mapping[str, Any] | None = None
) -> str:
    """Tool declarations, a line each, then the type of the answer if one is asked for."""
    lines = [f"\n{tool.name}{render_signature(tool.parameters)}{tool.description}" for tool in tools]
    if output_schema is not None:
        lines.append("\nreturn " + render_type(output_schema, output_schema))
    return "".join(lines)


class JsonChat:
    """The format as a `ChatFormat`."""

    @property
    def whitespace(self) -> Whitespace:
        """The embedded model was taught JSON without whitespace."""
        return "compact"

    def render(
        self,
        messages: Sequence[Message],
        start: int,
        tools: Sequence[ToolDefinition],
        output_schema: Mapping[str, Any] | None,
    ) -> Iterator[Segment]:
        declarations = render_declarations(tools, output_schema) if start == 0 else ""
        rest = messages[start:]
        if declarations and not (rest and isinstance(rest[0], SystemMessage)):
            yield from render_message(SystemMessage(""), declarations)
            declarations = ""
        for message in rest:
            yield from render_message(message, declarations)
            declarations = ""

    def open_turn(self, messages: Sequence[Message]) -> Iterator[Segment]:
        yield True, ASSISTANT

    def close_turn(self, message: AssistantMessage) -> Iterator[Segment]:
        yield True, END

    def grammar(self, rules: TurnRules) -> Grammar:
        from agentfast.runtime.grammar import Grammar

        options: list[Grammar] = []
        if rules.may_answer:
            # A model in doubt would write a call that breaks its schema as text: that is no answer either.
            text = Grammar.text(without_match=WRITTEN_CALL if rules.callable_tools else "")
            options.append(answer_grammar(rules, text, self.whitespace))
        calls = [
            Grammar.special(CALL)
            + Grammar.literal(f"{CALL_OPENING}{dump_json(tool.name)}{CALL_ARGUMENTS}")
            + arguments_grammar(tool, tool.parameters, self.whitespace)
            + Grammar.literal("}")
            for tool in rules.callable_tools
        ]
        if calls:
            options.append(_any_of(calls).repeat(1, rules.most_calls))
        return _any_of(options)

    def parse(self, segments: Sequence[Segment]) -> AssistantMessage:
        text, calls = "", list[ToolCall]()
        for index, (is_special, piece) in enumerate(segments):
            if is_special and piece != CALL:
                raise ModelError(f"the model wrote {piece} inside its turn")
            if not is_special and index == 0:
                text = piece
            elif not is_special:
                calls.append(_parse_call(piece))
        return AssistantMessage(text, tuple(calls))

    def turn_fields(self, rules: TurnRules) -> TurnFields:
        from agentfast.runtime.core.fields import CallNotation, TurnFields

        tools = tuple((tool.name, tool.parameters) for tool in rules.callable_tools)
        return TurnFields(CallNotation(CALL, CALL_OPENING, CALL_ARGUMENTS), tools, rules.output_schema)

    def value(self, part: int | None, path: str, written: bytes) -> Any:
        return json.loads(written)


def _any_of(options: Sequence[Grammar]) -> Grammar:
    return reduce(lambda one, other: one | other, options)


def _parse_call(text: str) -> ToolCall:
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"the model wrote a call that is not JSON: {text!r}") from error
    if not isinstance(value, dict):
        raise ModelError(f"the model wrote a call that is not an object: {text!r}")
    fields = cast("dict[str, Any]", value)
    name, arguments = fields.get("name"), fields.get("arguments")
    if not (isinstance(name, str) and isinstance(arguments, dict)):
        raise ModelError(f"the model wrote a call without a name or arguments: {text!r}")
    return ToolCall(name, cast("dict[str, Any]", arguments))
