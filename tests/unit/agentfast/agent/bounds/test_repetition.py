"""The same call again and again: told at the second, stopped at the third, and counted as it should be."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    Agent,
    AssistantMessage,
    LimitExceededError,
    Limits,
    ScriptedModel,
    ToolCall,
    ToolMessage,
)
from agentfast.agent.bounds.repetition import Repetition
from agentfast.models.scripted import Answer

POLL = ToolCall("poll", {"id": 1, "all": True})
TURNED = ToolCall("poll", {"all": True, "id": 1})


def poll(id: int, all: bool) -> str:
    """Look whether a job is done.

    Args:
        id: The job.
        all: All of it.
    """
    return "busy"


def contents(answers: Sequence[Answer], limits: Limits) -> list[object]:
    result = Agent(ScriptedModel(answers), tools=[poll], limits=limits).run_sync("go")
    return [json.loads(message.content) for message in result.messages if isinstance(message, ToolMessage)]


def test_the_second_in_a_row_is_run_and_the_model_told() -> None:
    first, second = contents([POLL, TURNED, "done"], Limits())
    assert first == "busy"
    assert second == {
        "note": "this call repeats the one before; 3 in a row end the run. Use the result, change the arguments, or answer.",
        "result": "busy",
    }


@pytest.mark.parametrize("answers", [[POLL, TURNED, POLL], [[POLL, POLL, POLL]], [POLL, [POLL, POLL]]])
def test_the_third_ends_the_run_before_it_is_made(answers: list[Answer]) -> None:
    agent = Agent(ScriptedModel(answers), tools=[poll])
    with pytest.raises(LimitExceededError, match="poll was called 3 times in a row") as caught:
        agent.run_sync("go")
    last = caught.value.messages[-1]
    assert isinstance(last, ToolMessage)
    assert last.content.startswith('{"error":"not run: poll was called 3 times in a row')
    assert sum(isinstance(message, ToolMessage) for message in caught.value.messages) == 3


def test_another_call_between_them_and_other_values_do_not_count() -> None:
    other = ToolCall("poll", {"id": 2, "all": True})
    assert contents([POLL, other, POLL, other, POLL, "done"], Limits()) == ["busy"] * 5
    # To Python true equals 1.
    one = ToolCall("poll", {"id": 1, "all": 1})
    found = contents([POLL, one, POLL, "done"], Limits())
    assert [isinstance(content, dict) and "note" in content for content in found] == [False] * 3


def test_none_allows_any_number() -> None:
    assert contents([POLL] * 10 + ["done"], Limits(max_identical_calls=None)) == ["busy"] * 10


@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=3), max_size=8), st.integers(2, 4))
def test_it_stops_at_the_first_stretch_that_is_long_enough(turns: list[list[int]], most: int) -> None:
    repetition = Repetition()
    calls: list[int] = []
    for turn in turns:
        message = AssistantMessage(calls=tuple(ToolCall("f", {"n": n}) for n in turn))
        calls += turn
        text = "".join(map(str, calls))
        if "0" * most in text or "1" * most in text:
            with pytest.raises(LimitExceededError):
                repetition.check(message, most)
            return
        repetition.check(message, most)
