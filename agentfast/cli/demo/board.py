"""The state of the demo's agents. The run writes it and views read it; neither waits for the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

Span = tuple[str, bool]
"""A piece of a canvas's text, and True if it has settled, so that the next step keeps it."""


class Activity(Enum):
    """An agent's activity."""

    IDLE = "idle"
    WAITING = "waiting"
    DENOISING = "denoising"
    TOOLS = "tools"


@dataclass(slots=True)
class AgentState:
    """The state of one agent.

    Attributes:
        number: from 1.
        task: the prompt it works on.
        turn: model calls of this task, from 1.
        activity: as of now.
        step: denoising steps done on the canvas.
        canvas: the turn's text as it stands, a span for each position, up to its end token; after the task its answer.
        tools: names of the tools that run.
        last_right: the last task's answer was right; None while one is under way.
        done, right: number of tasks finished, and of those with the right answer.
    """

    number: int
    task: str = ""
    turn: int = 0
    activity: Activity = Activity.IDLE
    step: int = 0
    canvas: list[Span] = field(default_factory=list[Span])
    tools: tuple[str, ...] = ()
    last_right: bool | None = None
    done: int = 0
    right: int = 0

    def begin_task(self, task: str) -> None:
        """Begin a task."""
        self.task = task
        self.turn, self.last_right = 0, None
        self._wait()

    def begin_turn(self) -> None:
        """Begin a model call."""
        self.turn += 1
        self._wait()

    def show_canvas(self, start: int, step: int, canvas: list[Span]) -> None:
        """Take a canvas after a step; it starts after so many positions of the turn, which are settled."""
        before = [(text, True) for text, _ in self.canvas[:start]]
        self.activity, self.step, self.canvas = Activity.DENOISING, step, before + canvas

    def run_tools(self, tools: tuple[str, ...]) -> None:
        """Begin running tools."""
        self.activity, self.tools = Activity.TOOLS, tools

    def finish_task(self, answer: str, *, right: bool) -> None:
        """Finish the task."""
        self._wait()
        self.activity, self.canvas, self.last_right = Activity.IDLE, [(answer, True)], right
        self.done += 1
        self.right += right

    def _wait(self) -> None:
        self.activity, self.step, self.canvas, self.tools = Activity.WAITING, 0, [], ()


@dataclass(slots=True)
class Board:
    """The states of all agents, and the batch that they share.

    Attributes:
        agents: their states.
        tasks: number of tasks to do.
        model: the model's name.
        occupancy: rows in each of the last forward passes, newest last.
        forwards: forward passes so far.
        tokens_per_forward: tokens that a request gets from each of its forward passes, on average so far.
    """

    agents: list[AgentState]
    tasks: int
    model: str
    occupancy: deque[int] = field(default_factory=lambda: deque[int](maxlen=60))
    forwards: int = 0
    tokens_per_forward: float = 0.0

    @classmethod
    def of(cls, agents: int, tasks: int, model: str) -> Board:
        """An empty board."""
        return cls([AgentState(number) for number in range(1, agents + 1)], tasks, model)

    @property
    def done(self) -> int:
        """Tasks finished."""
        return sum(agent.done for agent in self.agents)

    @property
    def right(self) -> int:
        """Tasks finished with the right answer."""
        return sum(agent.right for agent in self.agents)
