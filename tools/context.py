"""The context of a run, for tools, instructions functions and output validators that take it as their first argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from typing_extensions import TypeVar

from agentfast.errors import ToolError

DepsT = TypeVar("DepsT", default=None)


@dataclass(slots=True, eq=False)
class RunContext(Generic[DepsT]):
    """The run that calls a function.

    Attributes:
        deps: what the caller gave as `agent.run(..., deps=...)`.
        run_id: unique among all runs.
        agent: name of the agent whose turn it is.
        step: number of the turn, from 0.
        messages: the conversation up to now (`agentfast.Message`), without the present turn.
        usage: what the run used up to now (`agentfast.RunUsage`).
        tool_name: name of the tool; "" outside a tool.
        call_id: id of the call; "" outside a tool.
        attempt: failures of the tool in a row before this call.
    """

    deps: DepsT
    run_id: str = ""
    agent: str = ""
    step: int = 0
    messages: Sequence[Any] = ()
    usage: Any = None
    tool_name: str = ""
    call_id: str = ""
    attempt: int = 0
    _cancelled: bool = field(
        default=False, init=False, repr=False
    )  # written by the loop's thread, read by a tool's

    @property
    def is_cancelled(self) -> bool:
        """True once the call was cancelled or ran out of time: a sync tool's thread cannot be stopped from outside."""
        return self._cancelled

    def check_cancelled(self) -> None:
        """Give a sync tool's thread back once nobody waits for it; to be called now and then in long work.

        Raises:
            ToolError: the call was cancelled, or ran out of time.
        """
        if self._cancelled:
            raise ToolError("the call was cancelled")

    def cancel(self) -> None:
        """Say that nobody waits for the call any more; the executor does it."""
        self._cancelled = True
