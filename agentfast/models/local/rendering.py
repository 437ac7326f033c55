"""Conversations as tokens: segments to ids and back, and the rendering of a conversation that grows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from agentfast.chat.base import ChatFormat, Segment
from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message
from agentfast.models.base import ModelRequest
from agentfast.runtime.core.tokenizer import Tokenizer

_KEPT_TEXTS: Final = 64
_WORTH_KEEPING: Final = range(100, 20_000)
"""Characters of a text whose tokens are kept. What runs begin with alike, instructions and declarations, has as many."""


class SegmentCodec:
    """Segments as token ids. Text is encoded apart from the special tokens, so that none can come out of it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._kept = lru_cache(_KEPT_TEXTS)(tokenizer.encode)
        self._special_names = {index: name for name, index in tokenizer.vocabulary.special.items()}

    def encode(self, segments: Iterable[Segment]) -> list[int]:
        """Token ids.

        Raises:
            ConfigError: the tokenizer lacks a special token of the chat format.
        """
        ids: list[int] = []
        for is_special, text in segments:
            if is_special:
                ids.append(self._tokenizer.special(text))
            else:
                encode = self._kept if len(text) in _WORTH_KEEPING else self._tokenizer.encode
                ids.extend(encode(text))
        return ids

    def decode(self, tokens: Sequence[int]) -> Iterator[Segment]:
        """The inverse; neighbouring text tokens are one segment.

        Raises:
            ModelError: the text is not UTF-8.
        """
        start = 0
        for position, token in enumerate(tokens):
            name = self._special_names.get(token)
            if name is not None:
                if position > start:
                    yield False, self._text(tokens[start:position])
                yield True, name
                start = position + 1
        if start < len(tokens):
            yield False, self._text(tokens[start:])

    def _text(self, tokens: Sequence[int]) -> str:
        try:
            return self._tokenizer.decode_bytes(tokens).decode()
        except UnicodeDecodeError as error:
            raise ModelError("the model wrote bytes that are not UTF-8") from error


@dataclass(slots=True)
class Rendering:
    """Tokens of the first `count` messages of a conversation that grows, under one set of declarations.

    Attributes:
        opening: the tokens that stood before the model's last turn.
        spoken: that turn, and its tokens as the model wrote them, until it stands among the messages: to render the
            message anew might give other tokens, and the engine's cache would not know them.
    """

    tools: tuple[object, ...]
    output_schema: Mapping[str, Any] | None
    ids: list[int] = field(default_factory=list[int])
    count: int = 0
    opening: list[int] = field(default_factory=list[int])
    spoken: tuple[AssistantMessage, tuple[int, ...]] | None = None

    def is_for(self, request: ModelRequest) -> bool:
        """True if the declarations are those of the request."""
        return self.tools is request.tools and self.output_schema is request.output_schema

    def advance(self, chat: ChatFormat, codec: SegmentCodec, request: ModelRequest) -> None:
        """Take in the messages that were added, and open the model's next turn."""
        messages = request.messages
        self._append_spoken(chat, codec, messages)
        if self.count < len(messages):
            segments = chat.render(messages, self.count, request.tools, request.output_schema)
            self.ids.extend(codec.encode(segments))
            self.count = len(messages)
        self.opening = codec.encode(chat.open_turn(messages))

    def _append_spoken(self, chat: ChatFormat, codec: SegmentCodec, messages: Sequence[Message]) -> None:
        if self.spoken is None:
            return
        message, tokens = self.spoken
        self.spoken = None
        if self.count < len(messages) and _is_same_turn(messages[self.count], message):
            self.ids.extend(self.opening)
            self.ids.extend(tokens)
            self.ids.extend(codec.encode(chat.close_turn(message)))
            self.count += 1


def _is_same_turn(message: Message, spoken: AssistantMessage) -> bool:
    """True if the message is what the model said, though its calls may have got their ids since."""
    return message is spoken or (
        isinstance(message, AssistantMessage)
        and message.text == spoken.text
        and len(message.calls) == len(spoken.calls)
        and all(
            one.name == other.name and one.arguments is other.arguments
            for one, other in zip(message.calls, spoken.calls, strict=True)
        )
    )
