"""Sinks: receivers of the events of runs, such as logs, traces and journals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from agentfast.agent.events import AgentEvent, CanvasUpdate, TextDelta
from agentfast.tools.checks import check_list, refuse

_log = logging.getLogger("agentfast.agent")


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run that an event is of.

    Attributes:
        run_id: unique among all runs.
        agent: name of the agent that the run was started with.
        parent_id: the run whose tool started this one; None for a run of its own.
        parent_call_id: the call of that tool; None for a run of its own.
    """

    run_id: str
    agent: str
    parent_id: str | None = None
    parent_call_id: str | None = None


@runtime_checkable
class Sink(Protocol):
    """A receiver of events, called in their order, on the run's event loop: it must not block.

    A sink that has an attribute `deltas` that is true gets CanvasUpdate and TextDelta as well, and the model streams for
    it. One that raises is logged once, and gets the run's further events; one that has an attribute `required` that is
    true ends the run by what it raises.
    """

    def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
        """Take one event."""
        ...


class FunctionSink:
    """A function as a sink."""

    def __init__(self, function: Callable[[RunInfo, AgentEvent[Any]], None]) -> None:
        """Take the function."""
        self._function = function

    def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
        """Call the function."""
        self._function(run, event)


SinkLike = Sink | Callable[[RunInfo, AgentEvent[Any]], None]


def as_sinks(sinks: Iterable[SinkLike]) -> tuple[Sink, ...]:
    """The sinks, functions among them made to ones.

    Raises:
        ConfigError: it is no collection, or one of them is no sink.
    """
    hint = "put it into a list: sinks=[...]" if isinstance(sinks, Sink) or callable(sinks) else None
    check_list("sinks", sinks, "a list of sinks or functions", hint=hint)
    return tuple(_as_sink(index, sink) for index, sink in enumerate(sinks))


def _as_sink(index: int, sink: object) -> Sink:
    if isinstance(sink, Sink) and not isinstance(sink, type):
        return sink
    if callable(sink) and not isinstance(sink, type):
        return FunctionSink(cast("Callable[[RunInfo, AgentEvent[Any]], None]", sink))
    return refuse(
        f"sinks[{index}]",
        sink,
        "a sink: a function of a run and an event, or an object with receive(run, event)",
    )


class Reporter:
    """The sinks of one run.

    Attributes:
        live: a sink wants text and canvases as they come, so that the model has to stream.
    """

    __slots__ = ("_deltas", "_failed", "_run", "_sinks", "live")

    def __init__(self, run: RunInfo, sinks: tuple[Sink, ...]) -> None:
        """Take the run and its sinks."""
        self._run = run
        self._sinks = sinks
        self._deltas = tuple(sink for sink in sinks if getattr(sink, "deltas", False))
        self._failed: set[int] = set()
        self.live = bool(self._deltas)

    def __call__(self, event: AgentEvent[Any]) -> None:
        """Hand an event to each sink that wants it."""
        for sink in self._deltas if isinstance(event, (CanvasUpdate, TextDelta)) else self._sinks:
            self._hand(sink, event)

    def _hand(self, sink: Sink, event: AgentEvent[Any]) -> None:
        try:
            sink.receive(self._run, event)
        except Exception:
            if getattr(sink, "required", False):
                raise
            if id(sink) not in self._failed:
                self._failed.add(id(sink))
                _log.exception("a sink failed; the run goes on run=%s sink=%r", self._run.run_id, sink)


def report_nothing(event: AgentEvent[Any]) -> None:
    """Take an event that nobody asked for."""
