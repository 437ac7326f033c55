"""Checks of a task: mentioned values and valid calls."""

from __future__ import annotations

import pytest

from agentfast.messages import ToolCall
from agentfast.nano.tasks import generate_tasks
from agentfast.nano.tasks.task import is_valid_call, mentions


@pytest.mark.parametrize(
    ("text", "value", "there"),
    [
        ("The price is 24.5.", "24.5", True),
        ("The price is 124.5.", "24.5", False),
        ("The price is 24.55.", "24.5", False),
        ("It is 24.", "24", True),
        ("It is 24.5.", "24", False),
        ("Order 1042 is shipped.", "1042", True),
        ("ORDER 1042 IS SHIPPED", "shipped", True),
        ("Sent to ana.kovac@mail.com.", "ana.kovac@mail.com", True),
        ("Sent to ana.kovac@mail.com.", "ana.kovac", False),
        ("On 2025-03-04.", "2025-03", False),
        ("Anna.", "Ann", False),
    ],
)
def test_a_value_is_mentioned_as_a_whole_or_not_at_all(text: str, value: str, there: bool) -> None:
    assert mentions(text, value) is there


def test_a_call_is_valid_if_jsonschema_says_so() -> None:
    task = next(task for task in generate_tasks(0, 12) if task.solution.calls)
    call = task.solution.calls[0]
    assert is_valid_call(call, task)
    assert not is_valid_call(ToolCall(call.name, {**call.arguments, "more": 1}), task)
    assert not is_valid_call(ToolCall(call.name, {}), task)
    assert not is_valid_call(ToolCall("no_such_tool", call.arguments), task)
