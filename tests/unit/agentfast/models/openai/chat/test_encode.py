"""Messages in the format of OpenAI's chat completions."""

from __future__ import annotations

import pytest

from agentfast.messages import ToolMessage
from agentfast.models.openai.chat.encode import encode_message


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        ('"two\\nlines"', "two\nlines"),
        ('"{\\"a\\":1}"', '{"a":1}'),
        ('""', ""),
        ('{"a":1}', '{"a":1}'),
        ("1", "1"),
        ('"half', '"half'),
    ],
)
def test_a_result_that_is_a_text_is_sent_as_the_text(content: str, sent: str) -> None:
    message = encode_message(ToolMessage(content=content, call_id="c1", name="act"))
    assert message == {"role": "tool", "tool_call_id": "c1", "content": sent}
