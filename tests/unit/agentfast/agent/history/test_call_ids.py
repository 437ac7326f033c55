"""Ids of calls are unique in a conversation, and the model's are kept where they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentfast import AssistantMessage, ToolCall
from agentfast.agent.history.call_ids import CallIds


def turn(*ids: str) -> AssistantMessage:
    return AssistantMessage(calls=tuple(ToolCall("f", {}, each) for each in ids))


def completed(ids: CallIds, number: int, *given: str) -> list[str]:
    return [call.id for call in ids.complete(turn(*given), number).calls]


def test_a_model_that_gives_no_ids_gets_them_by_turn_and_place() -> None:
    ids = CallIds()
    assert completed(ids, 0, "", "") == ["call_0_0", "call_0_1"]
    assert completed(ids, 1, "") == ["call_1_0"]


def test_unique_ids_of_a_model_are_kept_and_the_message_with_them() -> None:
    message = turn("a", "b")
    assert CallIds().complete(message, 0) is message


def test_repeated_ids_are_made_new_within_a_turn_and_across_turns() -> None:
    ids = CallIds()
    assert completed(ids, 0, "a", "a") == ["a", "call_0_1"]
    assert completed(ids, 1, "a") == ["call_1_0"]


def test_an_id_that_looks_like_a_made_one_is_not_made_again() -> None:
    assert completed(CallIds(), 0, "", "call_0_0") == ["call_1_0", "call_0_0"]


@given(
    st.lists(st.lists(st.sampled_from(["", "a", "b", "call_0_0", "call_1_0", "call_1_1"]), max_size=4)),
    st.integers(0, 3),
)
def test_all_ids_of_a_conversation_differ(turns: list[list[str]], trimmed: int) -> None:
    ids = CallIds()
    made = [
        each
        for number, given_ids in enumerate(turns)
        for each in completed(ids, max(0, number - trimmed), *given_ids)
    ]
    assert all(made)
    assert len(made) == len(set(made))
