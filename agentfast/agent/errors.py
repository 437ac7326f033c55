"""Errors that end a run or a map of runs, and the run's conversation on any error."""

from __future__ import annotations

import copy
from typing import Any, Final, TypeVar

from agentfast.agent.result import RunResult, Step
from agentfast.errors import AgentFastError
from agentfast.messages import Message

E = TypeVar("E", bound=BaseException)
_SHOWN: Final = 200
"""Characters of an answer in a message."""


class OutputError(AgentFastError):
    """The final answer does not fit the output type.

    Attributes:
        reason: what is wrong with the answer; the message has the answer's beginning as well.
        answer: the text that the model wrote; None if nobody said.
    """

    messages: tuple[Message, ...]
    steps: tuple[Step, ...]

    def __init__(self, reason: str, answer: str | None = None, *, hint: str | None = None) -> None:
        super().__init__(
            reason if answer is None else f"{reason}; the model answered {_begin(answer)}", hint=hint
        )
        self.reason = reason
        self.answer = answer


class LimitExceededError(AgentFastError):
    """A run used up its budget of steps, calls, tokens or time."""

    messages: tuple[Message, ...]
    steps: tuple[Step, ...]


class RetriesExhaustedError(LimitExceededError):
    """A tool failed more often in a row than it may; the conversation with all the failures is in `messages`.

    Attributes:
        tool: name of the tool.
        failures: how often it failed in a row.
    """

    def __init__(self, tool: str, failures: int, last: str) -> None:
        super().__init__(
            f"tool {tool!r} failed {failures} times in a row, at last with: {last}",
            hint="mend the tool or its description; or raise tool(retries=...) or Limits(tool_retries=...)",
        )
        self.tool = tool
        self.failures = failures


class ApprovalError(AgentFastError):
    """Whoever decides on calls raised an exception, or gave something else than a decision."""


class MapError(AgentFastError):
    """A prompt of `Agent.map` failed; its error is the `__cause__`. What the other prompts came to is in `results`.

    Attributes:
        index: the prompt's place, from 0.
        prompt: the prompt; None if the prompts' iterator failed in place of giving one.
        results: of each prompt that was begun, in their order: its result, its exception, or None if it was stopped.
    """

    def __init__(
        self, index: int, prompt: object, cause: Exception, results: list[RunResult[Any] | Exception | None]
    ) -> None:
        finished = sum(isinstance(result, RunResult) for result in results)
        where = (
            f"prompt {index} ({_excerpt(prompt)})"
            if prompt is not None
            else f"the iterator, at prompt {index},"
        )
        super().__init__(
            f"{where} failed: {type(cause).__name__}: {cause}",
            hint=f"the {finished} finished results are in error.results; return_exceptions=True lets the others go on",
        )
        self.index = index
        self.prompt = prompt
        self.results = results
        if isinstance(cause, AgentFastError):
            self.messages, self.steps = cause.messages, cause.steps


def with_run(error: E, messages: tuple[Message, ...], steps: tuple[Step, ...]) -> E:
    """`error` with a run's messages and steps; a copy if it ended another run already, as a shared model's error may.

    A cancellation gets them too, as attributes: it belongs to one task.
    """
    if isinstance(error, AgentFastError) and error.messages:
        error = copy.copy(error)
    vars(error).update(messages=messages, steps=steps)
    return error


def _begin(answer: str) -> str:
    return repr(answer) if len(answer) <= _SHOWN else f"{answer[:_SHOWN]!r}..."


def _excerpt(prompt: object) -> str:
    text = ascii(prompt) if not isinstance(prompt, str) or not prompt.isprintable() else repr(prompt)
    return text if len(text) <= 60 else f"{text[:60]}..."
