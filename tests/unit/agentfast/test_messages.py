"""Transcripts: sequences that only grow, and count the model's turns."""

from __future__ import annotations

from agentfast.messages import (
    AssistantMessage,
    ToolMessage,
    ToolResult,
    Transcript,
    UserMessage,
    assistant_turns,
)


def test_a_transcript_is_a_sequence_of_its_messages() -> None:
    transcript = Transcript([UserMessage("a")])
    transcript.append(AssistantMessage("b"))
    assert list(transcript) == [UserMessage("a"), AssistantMessage("b")]
    assert len(transcript) == 2
    assert transcript[-1] == AssistantMessage("b")
    assert transcript[:1] == [UserMessage("a")]
    assert UserMessage("a") in transcript


def test_turns_of_the_model_are_counted_alike_in_transcripts_and_lists() -> None:
    transcript = Transcript([UserMessage("a"), AssistantMessage("b")])
    assert transcript.assistant_turns == 1
    transcript.append(AssistantMessage("c"))
    transcript.append(UserMessage("d"))
    assert assistant_turns(transcript) == assistant_turns(list(transcript)) == 2


def test_a_result_becomes_the_message_the_model_reads() -> None:
    assert ToolMessage.of(ToolResult("c1", "add", "3", is_error=True, duration_s=1.0)) == ToolMessage(
        "3", "add", "c1", is_error=True
    )
