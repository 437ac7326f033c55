"""Budgets of a run and generation settings of its turns."""

from __future__ import annotations

from dataclasses import dataclass

from agentfast.tools.checks import check_flag, check_integer, check_number


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of one run; None is no limit. Beyond one, LimitExceededError carries the messages so far.

    Attributes:
        max_steps: turns of the model.
        max_tool_calls: calls over all turns.
        max_identical_calls: calls of one tool with the same arguments in a row that end the run; at the second the model
            is told.
        max_tokens: generated tokens over all turns.
        deadline_s: seconds for the whole run.
        tool_retries: failures of one tool in a row that the model may answer to, for tools that set no number of their own.
        output_retries: how often the model is told that its answer does not fit the output type, before OutputError.
    """

    max_steps: int | None = 32
    max_tool_calls: int | None = 128
    max_identical_calls: int | None = 3
    max_tokens: int | None = None
    deadline_s: float | None = None
    tool_retries: int | None = 5
    output_retries: int = 2

    def __post_init__(self) -> None:
        for name in ("max_steps", "max_tool_calls", "max_tokens"):
            check_integer(f"Limits({name}=...)", getattr(self, name), least=1, optional=True)
        check_integer("Limits(max_identical_calls=...)", self.max_identical_calls, least=2, optional=True)
        check_number("Limits(deadline_s=...)", self.deadline_s, above=0, optional=True)
        check_integer("Limits(tool_retries=...)", self.tool_retries, least=0, optional=True)
        check_integer("Limits(output_retries=...)", self.output_retries, least=0)


@dataclass(frozen=True, slots=True)
class Settings:
    """Generation settings of each turn, and concurrency of its tools.

    A setting of None is left to the model: nothing is sent to a server, and a local model takes its own default.

    Attributes:
        temperature: 1 is the model's own, and a local model's default; 0 takes the most likely output.
        max_tokens: tokens of one turn at most; a local model's default is 512.
        max_calls: tool calls in one turn at most.
        confidence: give calls and typed answers a probability per field. A local model pays about one more posterior
            per canvas for it, and no forward pass.
        priority: among the runs on one engine; higher goes first.
        early_calls: start calls of tools that are `pure` as soon as they have settled in the draft of a diffusion model's
            turn; if the complete turn does not ask for one, it is cancelled unseen.
        tool_timeout_s: seconds for a call to a tool that sets no timeout of its own.
        tool_concurrency: tool calls that all runs of the agent together may have under way.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    max_calls: int = 8
    confidence: bool = True
    priority: int = 0
    early_calls: bool = True
    tool_timeout_s: float = 60.0
    tool_concurrency: int = 64

    def __post_init__(self) -> None:
        check_number("Settings(temperature=...)", self.temperature, least=0, optional=True)
        check_integer("Settings(max_tokens=...)", self.max_tokens, least=1, optional=True)
        for name in ("max_calls", "tool_concurrency"):
            check_integer(f"Settings({name}=...)", getattr(self, name), least=1)
        check_flag("Settings(confidence=...)", self.confidence)
        check_flag("Settings(early_calls=...)", self.early_calls)
        check_integer("Settings(priority=...)", self.priority)
        check_number("Settings(tool_timeout_s=...)", self.tool_timeout_s, above=0)


DEFAULT_LIMITS = Limits()
DEFAULT_SETTINGS = Settings()
