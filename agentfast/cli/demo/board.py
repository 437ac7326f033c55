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
        canvas: the canvas as it stands, up to its end token.
        tools: names of the tools that run.
        done, right: number of tasks finished, and of those with the right answer.
    """

    number: int
    task: str = ""
    turn: int = 0
    activity: Activity = Activity.IDLE
    step: int = 0
    canvas: list[Span] = field(default_factory=list[Span])
    tools: tuple[str, ...] = ()
    done: int = 0
    right: int = 0

    def begin_task(self, task: str) -> None:
        """Begin a task."""
        self.task = task
        self.turn, self.step, self.canvas, self.tools = 0, 0, [], ()
        self.activity = Activity.WAITING

    def begin_turn(self) -> None:
        """Begin a model call."""
        self.turn += 1
        self.activity, self.step, self.canvas, self.tools = Activity.WAITING, 0, [], ()

    def show_canvas(self, step: int, canvas: list[Span]) -> None:
        """Take the canvas after a step."""
        self.activity, self.step, self.canvas = Activity.DENOISING, step, canvas

    def run_tools(self, tools: tuple[str, ...]) -> None:
        """Begin running tools."""
        self.activity, self.tools = Activity.TOOLS, tools

    def finish_task(self, *, right: bool) -> None:
        """Finish the task."""
        self.activity, self.tools = Activity.IDLE, ()
        self.done += 1
        self.right += right


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
