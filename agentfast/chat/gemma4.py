"""Gemma 4's chat format, with its native tool calls; DiffusionGemma speaks it, too.

    <bos><|turn>system
    INSTRUCTIONS<|tool>declaration:find{description:<|"|>Finds it.<|"|>,parameters:{properties:{id:{type:<|"|>INTEGER
    <|"|>}},required:[<|"|>id<|"|>],type:<|"|>OBJECT<|"|>}}<tool|><turn|>
    <|turn>user
    TEXT<turn|>
    <|turn>model
    <|channel>thought
    <channel|><|tool_call>call:find{id:7,in:<|"|>box<|"|>}<tool_call|><|tool_response>response:find{found:true}
    <tool_response|>It is there.<turn|>

(Line breaks stand after `system`, `user`, `model`, `thought` and `<turn|>` only.) Sources: the chat template that
Google publishes with its Gemma 4 checkpoints (July 2026), and "Gemma 4 Prompt Formatting" on ai.google.dev. What they say:

- `<|"|>` is one token, the quote of all strings in declarations, calls and responses; strings are not escaped, keys
  are bare, and members stand in order of their names.
- A model's turn goes on over its calls and their responses: it is opened once, and ends with its answer. A turn ends
  for the sampler with `<turn|>`, or with `<|tool_response>` after calls, which the first response then begins with.
- A response that is an object is shown as such, any other as `{value:...}`.
- `<|think|>` on top of the system turn lets the model think before it speaks, in `<|channel>thought`. If it is not to
  think, the larger checkpoints, DiffusionGemma among them, are given an empty thought; E2B and E4B are not.

Every text is encoded apart from the special tokens, so no text can hold one. Where this differs from the template: a
text and calls of one turn are rendered in the order they were written in; the empty thought that opened a turn stays
in the conversation that goes on, so that its tokens stay those in the cache.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, cast

from agentfast.chat.base import Segment, TurnRules, answer_grammar, arguments_grammar
from agentfast.chat.gemma4_declarations import render_declaration
from agentfast.chat.gemma4_notation import QUOTE, in_order, joined, parse_object, render_object, render_value
from agentfast.chat.json_signature import dump_json
from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.tools.call import ToolDefinition

if TYPE_CHECKING:
    from agentfast.runtime.core.fields import TurnFields
    from agentfast.runtime.grammar import Grammar
    from agentfast.runtime.grammar.automaton.whitespace import Whitespace

BOS, TURN, TURN_END = "<bos>", "<|turn>", "<turn|>"
TOOL, TOOL_END = "<|tool>", "<tool|>"
CALL, CALL_END = "<|tool_call>", "<tool_call|>"
RESPONSE, RESPONSE_END = "<|tool_response>", "<tool_response|>"
THINK, CHANNEL, CHANNEL_END = "<|think|>", "<|channel>", "<channel|>"
SPECIAL_TOKENS: Final = (
    *(BOS, TURN, TURN_END, TOOL, TOOL_END, CALL, CALL_END, RESPONSE, RESPONSE_END, QUOTE),
    *(THINK, CHANNEL, CHANNEL_END),
)
THOUGHT: Final = "thought\n"


class Gemma4Chat:
    """The format as a `ChatFormat`."""

    def __init__(self, *, thinking: bool = False, empty_thought: bool = True) -> None:
        """
        Args:
            thinking: let the model think before it answers or calls.
            empty_thought: open a turn without thinking with an empty thought, as the larger checkpoints were taught.
        """
        self._thinking = thinking
        self._empty_thought = empty_thought and not thinking

    @property
    def whitespace(self) -> Whitespace:
        """Gemma writes the JSON of an answer as texts have it, spaced or in lines; its calls have a notation of their own."""
        return "flexible"

    def render(
        self,
        messages: Sequence[Message],
        start: int,
        tools: Sequence[ToolDefinition],
        output_schema: Mapping[str, Any] | None,
    ) -> Iterator[Segment]:
        yield from joined(self._render(messages, start, tools, output_schema))

    def open_turn(self, messages: Sequence[Message]) -> Iterator[Segment]:
        if messages and isinstance(messages[-1], ToolMessage):
            return
        yield from _open("model")
        if self._empty_thought:
            yield True, CHANNEL
            yield False, THOUGHT
            yield True, CHANNEL_END

    def close_turn(self, message: AssistantMessage) -> Iterator[Segment]:
        if not message.calls:
            yield from _close()

    def grammar(self, rules: TurnRules) -> Grammar:
        from agentfast.runtime.grammar import Grammar

        options: list[Grammar] = []
        names = "|".join(_escaped(tool.name) for tool in rules.callable_tools)
        if rules.may_answer:
            # A model in doubt would write a call that breaks its schema as text: that is no answer either.
            text = Grammar.text(without_match=rf"call:(?:{names})\{{" if names else "")
            options.append(answer_grammar(rules, text, self.whitespace))
        calls = [
            Grammar.special(CALL)
            + Grammar.literal(f"call:{tool.name}")
            + arguments_grammar(tool, _ordered(tool.parameters)).in_native_notation(QUOTE)
            + Grammar.special(CALL_END)
            for tool in rules.callable_tools
        ]
        if calls:
            options.append(_any_of(calls).repeat(1, rules.most_calls))
        turn = _any_of(options)
        if not self._thinking:
            return turn
        thought = (
            Grammar.special(CHANNEL)
            + Grammar.literal(THOUGHT)
            + Grammar.text()
            + Grammar.special(CHANNEL_END)
        )
        return thought.repeat(0, 1) + turn

    def parse(self, segments: Sequence[Segment]) -> AssistantMessage:
        text, calls = "", list[ToolCall]()
        at = 0
        while at < len(segments):
            is_special, piece = segments[at]
            if not is_special:
                text += piece
                at += 1
                continue
            closing = {CALL: CALL_END, CHANNEL: CHANNEL_END}.get(piece)
            end = next((i for i in range(at, len(segments)) if segments[i] == (True, closing)), None)
            if end is None:
                raise ModelError(f"the model wrote {piece} where it does not belong")
            if piece == CALL:
                calls.append(_parse_call(segments[at + 1 : end]))
            at = end + 1
        return AssistantMessage(text, tuple(calls))

    def turn_fields(self, rules: TurnRules) -> TurnFields:
        from agentfast.runtime.core.fields import CallNotation, TurnFields

        notation = CallNotation(CALL, "call:", "", quoted_names=False, string_quote=QUOTE, asides=(CHANNEL,))
        tools = tuple((tool.name, tool.parameters) for tool in rules.callable_tools)
        return TurnFields(notation, tools, rules.output_schema)

    def value(self, part: int | None, path: str, written: bytes) -> Any:
        if part is not None and path == "name":
            return written.decode()
        return written[1:-1].decode() if written.startswith(b"\xff") else json.loads(written)

    def _render(
        self,
        messages: Sequence[Message],
        start: int,
        tools: Sequence[ToolDefinition],
        output_schema: Mapping[str, Any] | None,
    ) -> Iterator[Segment]:
        if start == 0:
            yield True, BOS
            has_system = bool(messages) and isinstance(messages[0], SystemMessage)
            if has_system or tools or output_schema is not None or self._thinking:
                text = cast("SystemMessage", messages[0]).text if has_system else ""
                yield from self._render_system(text, tools, output_schema)
                start += has_system
        for index in range(start, len(messages)):
            yield from _render_message(messages, index)

    def _render_system(
        self, text: str, tools: Sequence[ToolDefinition], output_schema: Mapping[str, Any] | None
    ) -> Iterator[Segment]:
        yield from _open("system")
        if self._thinking:
            yield True, THINK
            yield False, "\n"
        if output_schema is not None:
            text += f"\n\nAnswer in JSON of this schema: {dump_json(output_schema)}"
        yield False, text.strip()
        for tool in tools:
            yield True, TOOL
            yield from render_declaration(tool)
            yield True, TOOL_END
        yield from _close()


def _render_message(messages: Sequence[Message], index: int) -> Iterator[Segment]:
    message = messages[index]
    after_result = index > 0 and isinstance(messages[index - 1], ToolMessage)
    if after_result and isinstance(message, (SystemMessage, UserMessage)):
        yield from _close()  # the model's turn, which went on
    match message:
        case SystemMessage(text) | UserMessage(text):
            yield from _open("user" if isinstance(message, UserMessage) else "system")
            yield False, text.strip()
            yield from _close()
        case ToolMessage(content=content, name=name):
            yield True, RESPONSE
            yield False, f"response:{name}"
            yield from _render_response(content)
            yield True, RESPONSE_END
        case AssistantMessage(text, calls):
            if not after_result:
                yield from _open("model")
            yield False, text.strip()
            for call in calls:
                yield True, CALL
                yield False, f"call:{call.name}"
                yield from render_value(call.arguments)
                yield True, CALL_END
            if not calls:
                yield from _close()


def _open(role: str) -> Iterator[Segment]:
    yield True, TURN
    yield False, f"{role}\n"


def _close() -> Iterator[Segment]:
    yield True, TURN_END
    yield False, "\n"


def _render_response(content: str) -> Iterator[Segment]:
    """A result, which is JSON text; one that is not is a string."""
    try:
        value: Any = json.loads(content)
    except (ValueError, RecursionError):
        value = content
    return render_value(value) if isinstance(value, dict) else render_object([("value", render_value(value))])


def _parse_call(segments: Sequence[Segment]) -> ToolCall:
    head = segments[0][1] if segments and not segments[0][0] else ""
    name, brace, rest = head.removeprefix("call:").partition("{")
    if not head.startswith("call:") or not name or not brace:
        raise ModelError(f"the model wrote a call without a name or arguments: {head!r}")
    return ToolCall(name, parse_object([(False, brace + rest), *segments[1:]]))


def _ordered(schema: Any) -> Any:
    """A schema with properties in the order in which Gemma 4 writes them."""
    if isinstance(schema, list):
        return [_ordered(item) for item in cast("list[object]", schema)]
    if not isinstance(schema, Mapping):
        return schema
    rules = {name: _ordered(value) for name, value in cast("Mapping[str, Any]", schema).items()}
    if isinstance(properties := rules.get("properties"), dict):
        rules["properties"] = dict(in_order(cast("dict[str, Any]", properties)))
    return rules


def _any_of(options: Sequence[Grammar]) -> Grammar:
    return reduce(lambda one, other: one | other, options)


def _escaped(text: str) -> str:
    return "".join(char if char.isalnum() else f"\\{char}" for char in text)
