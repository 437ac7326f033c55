"""Budgets of a run and generation settings of its turns."""

from __future__ import annotations

from dataclasses import dataclass

from agentfast.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of one run; None is no limit. Beyond one, LimitExceededError carries the messages so far.

    Attributes:
        max_steps: turns of the model.
        max_tool_calls: calls over all turns.
        max_tokens: generated tokens over all turns.
        deadline_s: seconds for the whole run.
        output_retries: how often the model is told that its answer does not fit the output type, before OutputError.
    """

    max_steps: int | None = 32
    max_tool_calls: int | None = 128
    max_tokens: int | None = None
    deadline_s: float | None = None
    output_retries: int = 2

    def __post_init__(self) -> None:
        for name in ("max_steps", "max_tool_calls", "max_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(f"{name} is {value}; it must be at least 1, or None")
        if self.deadline_s is not None and not self.deadline_s > 0:
            raise ConfigError(f"deadline_s is {self.deadline_s}; it must be above 0, or None")
        if self.output_retries < 0:
            raise ConfigError(f"output_retries is {self.output_retries}; it must be at least 0")


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
        tool_timeout_s: seconds for a call to a tool that sets no timeout of its own.
        tool_concurrency: tool calls that all runs of the agent together may have under way.
    """

    temperature: float | None = None
    max_tokens: int | None = None
    max_calls: int = 8
    confidence: bool = True
    priority: int = 0
    tool_timeout_s: float = 60.0
    tool_concurrency: int = 64

    def __post_init__(self) -> None:
        if self.temperature is not None and not 0 <= self.temperature < float("inf"):
            raise ConfigError(
                f"temperature is {self.temperature}; it must be a number of at least 0, or None"
            )
        if self.max_tokens is not None and self.max_tokens < 1:
            raise ConfigError(f"max_tokens is {self.max_tokens}; it must be at least 1, or None")
        for name in ("max_calls", "tool_concurrency"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if not self.tool_timeout_s > 0:
            raise ConfigError(f"tool_timeout_s is {self.tool_timeout_s}; it must be above 0")


DEFAULT_LIMITS = Limits()
DEFAULT_SETTINGS = Settings()
