"""Trimmed conversations are well-formed, within the limit, and end as the whole does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    AssistantMessage,
    ConfigError,
    Message,
    SystemMessage,
    ToolCall,
    ToolMessage,
    UserMessage,
    estimate_tokens,
    trim,
)
from agentfast.agent.history.read import read_conversation
from tests.unit.agentfast.agent.history.conversations import conversations

SYSTEM = SystemMessage("s")
FIRST: list[Message] = [
    UserMessage("1"),
    AssistantMessage("", (ToolCall("f", {}, "x"),)),
    ToolMessage("2", "f", "x"),
]
SECOND: list[Message] = [UserMessage("3"), AssistantMessage("4")]
WHOLE: list[Message] = [SYSTEM, *FIRST, *SECOND]


def exchanges(messages: Sequence[Message]) -> list[list[Message]]:
    """The obvious way: a new one at each user's message."""
    found: list[list[Message]] = []
    for message in messages:
        if not found or isinstance(message, UserMessage):
            found.append([])
        found[-1].append(message)
    return found


@given(conversations(), st.integers(1, 120), st.sampled_from([estimate_tokens, len]))
def test_the_longest_suffix_of_whole_exchanges_within_the_limit_is_kept(
    messages: list[Message], limit: int, count: Any
) -> None:
    system = messages[:1] if messages and isinstance(messages[0], SystemMessage) else []
    if system and count(system) > limit:
        with pytest.raises(ConfigError, match=f"the system message alone takes {count(system)} tokens"):
            trim(messages, limit, count=count)
        return
    kept = trim(messages, limit, count=count)
    assert count(kept) <= limit
    assert read_conversation(kept, "kept") == kept
    parts = exchanges(messages[len(system) :])
    suffixes = [system + [message for part in parts[at:] for message in part] for at in range(len(parts) + 1)]
    assert kept == next(suffix for suffix in suffixes if count(suffix) <= limit)


@pytest.mark.parametrize(
    ("limit", "kept"),
    [(6, WHOLE), (5, [SYSTEM, *SECOND]), (3, [SYSTEM, *SECOND]), (2, [SYSTEM]), (1, [SYSTEM])],
)
def test_a_call_is_kept_with_its_result_and_an_exchange_whole(limit: int, kept: list[Message]) -> None:
    assert trim(WHOLE, limit, count=len) == kept


def test_no_count_of_a_trimmed_conversation_is_taken_on_trust() -> None:
    def odd(messages: Sequence[Message]) -> int:
        return 9 if len(messages) == 3 else len(messages)  # a suffix that counts more than a longer one

    assert odd(trim(WHOLE, 5, count=odd)) <= 5


def test_the_estimate_is_a_token_for_three_bytes_and_four_a_message() -> None:
    assert estimate_tokens([UserMessage("abcd"), AssistantMessage("é")]) == (4 + 2) + (4 + 1)
    call = AssistantMessage("", (ToolCall("f", {"a": 1}), ToolCall("g", {}, malformed="{{{")))
    assert estimate_tokens([call]) == 4 + 5  # f {"a": 1} g {{{
    assert estimate_tokens([ToolMessage("12345", "f")]) == 4 + 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_tokens": 1, "count": 5}, "count is 5"),
        ({"max_tokens": 1, "count": lambda _: "many"}, "the result of count is 'many'"),  # pyright: ignore
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        trim(WHOLE, **arguments)


def test_what_is_no_conversation_is_refused_by_its_place() -> None:
    with pytest.raises(ConfigError, match=r"messages\[0\] is the result of call 'x'"):
        trim(FIRST[2:], 100)
