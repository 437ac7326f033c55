"""Confidence from the log probabilities of tokens, which a server sends beside the turn.

vLLM with agentfast's plugin sends them for constrained outputs: of each written token that of the constrained posterior,
given the tokens before it. The probability of a field is then the product over the tokens that its value takes; a token
that straddles the border counts whole. The values that a field might have had are not known here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, Final, cast

from agentfast.chat.base import TurnRules
from agentfast.chat.gemma4 import SPECIAL_TOKENS, Gemma4Chat
from agentfast.messages import AssistantMessage
from agentfast.models.base import ModelRequest
from agentfast.models.openai.json_text import as_list, as_object
from agentfast.tools.confidence import Confidence

_SPECIAL: Final = frozenset((*SPECIAL_TOKENS, "<eos>", "<pad>"))


@dataclass(frozen=True, slots=True)
class Token:
    """A written token: its special token's name, or None and its bytes; and its log probability."""

    special: str | None
    text: bytes
    log_p: float

    @property
    def symbols(self) -> int:
        """A byte of text is one symbol, a special token is one, too."""
        return len(self.text) if self.special is None else 1


def with_confidence(message: AssistantMessage, logprobs: Any, request: ModelRequest) -> AssistantMessage:
    """The turn with the confidence of its calls or of its typed answer, as far as the log probabilities tell them."""
    tokens = [
        token for raw in as_list(as_object(logprobs).get("content")) if (token := _token(as_object(raw)))
    ]
    if not tokens or not (message.calls or request.output_schema is not None):
        return message
    found = confidences(tokens, request)
    calls = tuple(replace(call, confidence=found.get(at)) for at, call in enumerate(message.calls))
    return replace(message, calls=calls, confidence=found.get(None))


def confidences(tokens: Sequence[Token], request: ModelRequest) -> dict[int | None, Confidence]:
    """The confidence of each call, by its place, and of a typed answer, under None."""
    from agentfast.runtime.confidence.field_reader import TurnFieldReader
    from agentfast.runtime.core.vocabulary import Vocabulary

    rules = TurnRules(tuple(request.tools), request.output_schema, tool_choice=request.tool_choice)
    reader = TurnFieldReader(Gemma4Chat().turn_fields(rules), Vocabulary.byte_level(SPECIAL_TOKENS))
    starts = list(accumulate((token.symbols for token in tokens), initial=0))
    whole: dict[int | None, float] = {}
    fields: defaultdict[int | None, dict[str, float]] = defaultdict(dict)
    for field in reader.read(list(_segments(tokens))):
        part, path = cast("tuple[int | None, str | None]", field.key)
        end = starts[-1] if field.end is None else field.end
        inside = [
            token.log_p
            for token, start, after in zip(tokens, starts, starts[1:], strict=False)
            if start < end and after > field.start
        ]
        probability = math.exp(min(0.0, sum(inside)))
        if path is None:
            whole[part] = probability
        else:
            fields[part][path] = probability
    return {part: Confidence(p, fields[part]) for part, p in whole.items()}


def _token(raw: Mapping[str, Any]) -> Token | None:
    name, log_p, data = raw.get("token"), raw.get("logprob"), as_list(raw.get("bytes"))
    if not isinstance(name, str) or not isinstance(log_p, (int, float)):
        return None
    if name in _SPECIAL:
        return Token(name, b"", float(log_p))
    written = bytes(cast("list[int]", data)) if data else name.encode("utf-8", "replace")
    return Token(None, written, float(log_p))


def _segments(tokens: Sequence[Token]) -> Iterator[tuple[str | None, bytes]]:
    """Special tokens, and the texts between them in one piece each."""
    text = b""
    for token in tokens:
        if token.special is None:
            text += token.text
            continue
        if text:
            yield None, text
        yield token.special, b""
        text = b""
    if text:
        yield None, text
