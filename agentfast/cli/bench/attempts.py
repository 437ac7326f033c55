"""One agent's attempt at one task, and the record of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter

from agentfast.agent.agent import Agent
from agentfast.agent.errors import LimitExceededError, OutputError
from agentfast.agent.result import Step, total_usage
from agentfast.cli.desk import LIMITS, SETTINGS
from agentfast.errors import EngineError, ModelError
from agentfast.messages import AssistantMessage, Message
from agentfast.models.base import Model
from agentfast.nano.tasks import Task
from agentfast.nano.tasks.task import is_valid_call

WRONG_ANSWERS = (EngineError, LimitExceededError, ModelError, OutputError)


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """The record of a finished task.

    Attributes:
        kind: of the task, as `nano.tasks` names it.
        right: True if the task's check accepts it.
        seconds: from the start of the run to its end.
        turns: calls of the model.
        tool_calls, invalid_calls: calls of tools; those that name no declared tool or whose arguments `jsonschema` rejects.
        generated_tokens, decoding_steps: over all turns; the latter are the engine's, and 0 elsewhere.
        call_tokens, call_steps: generated tokens and decoding steps of the turns that call tools; the other turns are text.
        error: the kind of error that ended the run, "" if none did. Such a task is wrong.
    """

    kind: str
    right: bool
    seconds: float
    turns: int
    tool_calls: int
    invalid_calls: int
    generated_tokens: int
    decoding_steps: int
    call_tokens: int = 0
    call_steps: int = 0
    error: str = ""

    @property
    def text_tokens(self) -> int:
        """Generated tokens of the text turns."""
        return self.generated_tokens - self.call_tokens

    @property
    def text_steps(self) -> int:
        """Decoding steps of the text turns."""
        return self.decoding_steps - self.call_steps


def agent_for(model: Model, task: Task, temperature: float) -> Agent[None, str]:
    """The agent of a task, with the task's tools. Confidences are off, and calls run as they are: no baseline has them."""
    settings = replace(SETTINGS, temperature=temperature, confidence=False)
    return Agent(
        model,
        tools=task.tools,
        instructions=task.instructions,
        limits=LIMITS,
        settings=settings,
        doubt=None,
        name=task.desk or "tools",
    )


@dataclass(frozen=True, slots=True)
class Conversation:
    """A finished run. `answer` is None if an error ended it; `error` is then the error's type."""

    messages: Sequence[Message]
    steps: tuple[Step, ...]
    answer: str | None
    seconds: float
    error: str = ""


async def attempt(agent: Agent[None, str], task: Task, seed: int) -> Conversation:
    """Run the agent on the task.

    A run that the model, the engine or a limit ends is a wrong answer; a mistake in the set-up is raised.

    Raises:
        ConfigError, GrammarError: the model cannot serve such tasks at all.
    """
    began = perf_counter()
    try:
        result = await agent.run(task.prompt, seed=seed)
    except LimitExceededError as failure:
        messages, steps, error = failure.messages, failure.steps, type(failure).__name__
    except WRONG_ANSWERS as failure:
        messages, steps, error = (), (), type(failure).__name__
    else:
        return Conversation(result.messages, result.steps, result.output, perf_counter() - began)
    return Conversation(messages, steps, None, perf_counter() - began, error)


def judge(task: Task, found: Conversation) -> TaskRecord:
    """The record of a conversation. Judging takes milliseconds, so it waits until no timed run is left."""
    turns = [message for message in found.messages if isinstance(message, AssistantMessage)]
    calls = [call for message in turns for call in message.calls]
    usage = total_usage(found.steps)
    calling = total_usage(tuple(step for step in found.steps if step.message.calls))
    return TaskRecord(
        kind=task.kind,
        right=found.answer is not None and task.check(found.answer, calls),
        seconds=found.seconds,
        turns=len(turns),
        tool_calls=len(calls),
        invalid_calls=sum(not is_valid_call(call, task) for call in calls),
        generated_tokens=usage.generated_tokens,
        decoding_steps=usage.denoising_steps,
        call_tokens=calling.generated_tokens,
        call_steps=calling.denoising_steps,
        error=found.error,
    )
