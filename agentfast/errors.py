"""The exception tree: every exception that agentfast raises on purpose.

    AgentFastError
    ├── ConfigError              a setting, an argument or a file does not fit (also a ValueError)
    ├── CheckpointError          a checkpoint is incomplete, malformed or of an unknown kind
    ├── GrammarError             a grammar cannot be built, or a row's grammar cannot be met
    │   ├── UnsupportedSchemaError   a JSON Schema keyword that is not enforced exactly
    │   ├── GrammarTooLargeError     a grammar needs more states, edges or steps than it may take
    │   └── BudgetTooSmallError      the token budget is below the shortest valid output
    ├── EngineError              the engine could not serve a request
    │   ├── QueueFullError           the bounded queue is full: try again later, or raise its size
    │   ├── CapacityError            the request can never fit the KV cache or the context length
    │   ├── AbortedError             the request was aborted on purpose
    │   └── EngineClosedError        the engine was closed while, or before, the request ran
    ├── ModelError               a model (local, remote, scripted or replayed) could not answer
    │   └── ModelUnavailableError    a remote model's server was busy or out of reach, retries included
    ├── ToolError                a tool could not be defined, found or run
    │   ├── ToolDefinitionError      a function cannot become a tool
    │   ├── UnknownToolError         no tool of that name is registered
    │   ├── ToolArgumentsError       arguments do not match the tool's schema
    │   └── ToolTimeoutError         a tool ran longer than its limit
    ├── OutputError              the final answer does not fit the output type
    └── LimitExceededError       a run used up its budget of steps, calls, tokens or time

The last two carry a run's messages and steps and are defined in `agentfast.agent.errors`, above this module.
Caller mistakes (ConfigError, ToolDefinitionError, UnsupportedSchemaError, BudgetTooSmallError) are raised
before any work starts. A failing tool is not an exception for the run: it becomes a result that the model reads.
"""

from __future__ import annotations


class AgentFastError(Exception):
    """Base of all agentfast exceptions. `hint`, if any, says in one line what to do about it."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} ({hint})")
        self.message = message
        self.hint = hint


class ConfigError(AgentFastError, ValueError):
    """A setting, an argument or a file does not fit."""


class CheckpointError(AgentFastError):
    """A checkpoint is incomplete, malformed or of an unknown kind."""


class GrammarError(AgentFastError):
    """A grammar cannot be built, or a row's grammar cannot be met."""


class GrammarTooLargeError(GrammarError):
    """A grammar needs more states, edges or steps through the vocabulary than it may take."""


class UnsupportedSchemaError(GrammarError, ValueError):
    """A JSON Schema keyword that is not enforced exactly.

    Attributes:
        keyword: the keyword, e.g. "patternProperties".
        path: JSON pointer to the schema that holds it, "" for the root.
    """

    def __init__(self, keyword: str, path: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(f"{keyword!r} at {path or '/'}: {reason}", hint=hint)
        self.keyword = keyword
        self.path = path


class BudgetTooSmallError(GrammarError, ValueError):
    """The token budget is below the shortest valid output.

    Attributes:
        needed: tokens that the shortest valid output takes, end token included.
        budget: tokens that were allowed.
    """

    def __init__(self, needed: int, budget: int) -> None:
        super().__init__(
            f"the shortest valid output takes {needed} tokens but only {budget} are allowed",
            hint=f"raise max_tokens to at least {needed}",
        )
        self.needed = needed
        self.budget = budget


class EngineError(AgentFastError):
    """The engine could not serve a request."""


class QueueFullError(EngineError):
    """The bounded queue is full: try again later, or raise its size."""


class CapacityError(EngineError, ValueError):
    """The request can never fit the KV cache or the context length."""


class AbortedError(EngineError):
    """The request was aborted on purpose."""


class EngineClosedError(EngineError):
    """The engine was closed while, or before, the request ran."""


class ModelError(AgentFastError):
    """A model (local, remote, scripted or replayed) could not answer."""


class ModelUnavailableError(ModelError):
    """A remote model's server was busy, failing or out of reach, retries included: try again later."""


class ToolError(AgentFastError):
    """A tool could not be defined, found or run."""


class ToolDefinitionError(ToolError, ValueError):
    """A function cannot become a tool."""


class UnknownToolError(ToolError, KeyError):
    """No tool of that name is registered."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would print its repr


class ToolArgumentsError(ToolError, ValueError):
    """Arguments do not match the tool's schema."""


class ToolTimeoutError(ToolError, TimeoutError):
    """A tool ran longer than its limit."""
