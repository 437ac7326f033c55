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
    │   ├── ModelFaultError          a model raised an exception of no kind below AgentFastError: a bug of its own
    │   ├── AllModelsFailedError     every model of a fallback failed
    │   └── ModelUnavailableError    a remote model's server was busy or out of reach, retries included
    ├── ToolError                a tool could not be defined, found or run
    │   ├── ToolDefinitionError      a function cannot become a tool
    │   ├── UnknownToolError         no tool of that name is registered
    │   ├── ToolArgumentsError       arguments do not match the tool's schema
    │   ├── ToolTimeoutError         a tool ran longer than its limit
    │   ├── MCPConnectionError       an MCP server cannot be reached, or was lost during a call
    │   └── ModelRetry               a tool or an output validator sends the model back, with the reason
    ├── SessionError             a session's file could not be read or written
    │   └── SessionConflictError     another run went on with the same session meanwhile
    ├── JournalError             a journal could not be read or written, or a run in it cannot go on
    ├── UnknownFieldError        a confidence has no field of that path (also a KeyError)
    ├── OutputError              the final answer does not fit the output type
    ├── LimitExceededError       a run used up its budget of steps, calls, tokens or time
    │   └── RetriesExhaustedError    a tool failed more often in a row than it may
    ├── RunPausedError           a call waits for a decision; the run can go on
    ├── ApprovalError            whoever decides on calls raised, or gave no decision
    └── MapError                 a prompt of `Agent.map` failed

Those from OutputError on are defined in `agentfast.agent`, above this module. Each error that ends a run carries the run's
messages and steps. Every exception of the tree can be copied and pickled.

Caller mistakes (ConfigError, ToolDefinitionError, UnsupportedSchemaError, BudgetTooSmallError) are raised
before any work starts. A failing tool is not an exception for the run: it becomes a result that the model reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class AgentFastError(Exception):
    """Base of all agentfast exceptions.

    Attributes:
        message: what is wrong.
        hint: what to do about it, in one line; None if there is nothing to say.
        messages: the conversation up to there if the error ended a run, otherwise empty. Each call in it has its result,
            so it can be given to the next run as its history. See `agentfast.messages`.
        steps: the run's steps (`agentfast.Step`), with the one that was interrupted.
    """

    messages: tuple[Any, ...] = ()
    steps: tuple[Any, ...] = ()

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} ({hint})")
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own would call the class with the text alone, which not every subclass takes.
        return _remake, (type(self), self.args, self.__dict__)


def _remake(
    cls: type[AgentFastError], args: tuple[object, ...], attributes: Mapping[str, object]
) -> AgentFastError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


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
        owner: whose schema it is, e.g. "tool 'search'"; "" where that is not known.
    """

    def __init__(
        self, keyword: str, path: str, reason: str, *, hint: str | None = None, owner: str = ""
    ) -> None:
        whose = f"{owner}: " if owner else ""
        super().__init__(f"{whose}{keyword!r} at {path or '/'}: {reason}", hint=hint)
        self.keyword = keyword
        self.path = path
        self.owner = owner
        self._reason = reason

    def owned_by(self, owner: str) -> UnsupportedSchemaError:
        """The same refusal, with the name of the schema's owner."""
        return UnsupportedSchemaError(self.keyword, self.path, self._reason, hint=self.hint, owner=owner)


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


class ModelFaultError(ModelError):
    """A model raised an exception that is no AgentFastError: a bug of its own, which is the `__cause__`."""


class ModelUnavailableError(ModelError):
    """A remote model's server was busy, failing or out of reach, retries included: try again later."""


class AllModelsFailedError(ModelError):
    """Every model of a fallback failed; the last one's error is the `__cause__`.

    Attributes:
        errors: of the models, in their order.
    """

    def __init__(self, names: Sequence[str], errors: Sequence[Exception]) -> None:
        said = "; ".join(f"{name}: {_said(error)}" for name, error in zip(names, errors, strict=True))
        super().__init__(f"no model could answer: {said}", hint=getattr(errors[-1], "hint", None))
        self.errors = tuple(errors)


def _said(error: Exception) -> str:
    return error.message if isinstance(error, AgentFastError) else f"{type(error).__name__}: {error}"


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


class MCPConnectionError(ToolError):
    """An MCP server cannot be reached, or was lost while a call was under way that must not be repeated unasked."""


class ModelRetry(ToolError):  # noqa: N818  (an instruction to the model, by the name that other frameworks have for it)
    """Raised by a tool or an output validator: the model reads the reason and tries again."""


class SessionError(AgentFastError):
    """A session's file could not be read or written. A run that was not saved is in `messages` and `steps`."""


class SessionConflictError(SessionError):
    """Another run goes on with the same session, or went on with it meanwhile; this one was not saved."""


class JournalError(AgentFastError):
    """A journal could not be read or written, or a run in it cannot go on."""


class UnknownFieldError(AgentFastError, KeyError):
    """A confidence has no field of that path."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would print its repr
