"""Trimming of conversations to a number of tokens, by whole exchanges from the beginning."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from agentfast.agent.history.read import read_conversation, to_json
from agentfast.errors import ConfigError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agentfast.tools.checks import check_integer, refuse

Count = Callable[[Sequence[Message]], int]
"""Counts the tokens of messages; more messages have no fewer tokens."""

_BYTES_PER_TOKEN: Final = 3
_TOKENS_PER_MESSAGE: Final = 4


def trim(
    messages: Sequence[Message | Mapping[str, object]], max_tokens: int, *, count: Count | None = None
) -> list[Message]:
    """The system message and as many of the latest exchanges as `max_tokens` allow.

    An exchange is a user's message and all that follows it up to the next one, so each call keeps its result. It is kept
    whole or not at all. If the latest does not fit, only the system message is left.

    Args:
        messages: a conversation, as the argument `history` of a run.
        max_tokens: tokens of the result at most, at least 1.
        count: counts the tokens of messages, such as `model.count_tokens` of a local model, which is exact; None:
            `estimate_tokens`.

    Raises:
        ConfigError: the messages are no conversation, an argument does not fit, or the system message alone is longer.
    """
    check_integer("max_tokens", max_tokens, least=1)
    check_count(count)
    count = count or estimate_tokens
    conversation = read_conversation(messages, "messages")
    system = conversation[:1] if conversation and isinstance(conversation[0], SystemMessage) else []
    if system and (least := _counted(count, system)) > max_tokens:
        raise ConfigError(
            f"the system message alone takes {least} tokens, but max_tokens is {max_tokens}",
            hint=f"raise max_tokens above {least}, or leave the system message out",
        )
    return [*system, *_latest(system, conversation[len(system) :], max_tokens, count)]


def check_count(count: object) -> None:
    """A function, or None.

    Raises:
        ConfigError: it is something else.
    """
    if count is not None and not callable(count):
        hint = "model.count_tokens of a local model counts exactly" if hasattr(count, "respond") else None
        refuse("count", count, "a function from messages to their number of tokens, or None", hint=hint)


def estimate_tokens(messages: Sequence[Message]) -> int:
    """An estimate for models whose tokenizer is not at hand: a token for every 3 bytes of UTF-8, and 4 a message.

    English takes 4 to 5 bytes a token in common vocabularies, and JSON about 3, so it is rather too high than too low.
    """
    return sum(_TOKENS_PER_MESSAGE - (-_size(message) // _BYTES_PER_TOKEN) for message in messages)


def _size(message: Message) -> int:
    match message:
        case ToolMessage():
            texts = [message.content, message.name]
        case AssistantMessage():
            calls = message.calls
            texts = [message.text, *(call.name for call in calls)]
            texts += [to_json(call.arguments) if call.malformed is None else call.malformed for call in calls]
        case _:
            texts = [message.text]
    return sum(len(text.encode()) for text in texts)


def _latest(system: list[Message], rest: list[Message], max_tokens: int, count: Count) -> list[Message]:
    """The longest suffix of whole exchanges that fits beside the system message, by bisection."""
    starts = [0] if rest else []
    starts += [index for index, message in enumerate(rest) if index and isinstance(message, UserMessage)]
    low, high = 0, len(starts)  # starts[high:] fits: it is empty, or was counted
    while low < high:
        middle = (low + high) // 2
        if _counted(count, [*system, *rest[starts[middle] :]]) <= max_tokens:
            high = middle
        else:
            low = middle + 1
    return rest[starts[high] :] if high < len(starts) else []


def _counted(count: Count, messages: list[Message]) -> int:
    tokens = count(messages)
    check_integer("the result of count", tokens, least=0)
    return tokens
