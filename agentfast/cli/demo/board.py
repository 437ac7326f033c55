"""The state of the demo's agents. The run writes it and views read it; neither waits for the other."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum

Span = tuple[str, bool]
"""A piece of a canvas's text, and True if it has settled, so that the next step keeps it."""


class Doing(Enum):
    """An agent's activity."""

    IDLE = "idle"
    WAITING = "waiting"
    DENOISING = "denoising"
    TOOLS = "tools"


@dataclass(slots=True)
class Seat:
    """The state of one agent.

    Attributes:
        number: from 1.
        task: the prompt it works on.
        turn: model calls of this task, from 1.
        doing: what it is at.
        step: denoising steps done on the canvas.
        canvas: the canvas as it stands, up to its end token.
        tools: names of the tools that run.
        done, right: tasks finished, and how many of them with the right answer.
    """

    number: int
    task: str = ""
    turn: int = 0
    doing: Doing = Doing.IDLE
    step: int = 0
    canvas: list[Span] = field(default_factory=list[Span])
    tools: tuple[str, ...] = ()
    done: int = 0
    right: int = 0

    def sit(self, task: str) -> None:
        """Begin a task."""
        self.task = task
        self.turn, self.step, self.canvas, self.tools = 0, 0, [], ()
        self.doing = Doing.WAITING

    def ask(self) -> None:
        """Begin a model call."""
        self.turn += 1
        self.doing, self.step, self.canvas, self.tools = Doing.WAITING, 0, [], ()

    def denoise(self, step: int, canvas: list[Span]) -> None:
        """Take the canvas after a step."""
        self.doing, self.step, self.canvas = Doing.DENOISING, step, canvas

    def use(self, tools: tuple[str, ...]) -> None:
        """Begin running tools."""
        self.doing, self.tools = Doing.TOOLS, tools

    def rise(self, *, right: bool) -> None:
        """Finish the task."""
        self.doing, self.tools = Doing.IDLE, ()
        self.done += 1
        self.right += right


@dataclass(slots=True)
class Board:
    """The states of all agents, and the batch that they share.

    Attributes:
        seats: one for each agent.
        tasks: how many there are to do.
        model: the model's name.
        occupancy: rows in each of the last forward passes, newest last.
        forwards: forward passes so far.
        tokens_per_forward: tokens that a request gets from each of its forward passes, on average so far.
    """

    seats: list[Seat]
    tasks: int
    model: str
    occupancy: deque[int] = field(default_factory=lambda: deque[int](maxlen=60))
    forwards: int = 0
    tokens_per_forward: float = 0.0

    @classmethod
    def of(cls, agents: int, tasks: int, model: str) -> Board:
        """An empty board."""
        return cls([Seat(number) for number in range(1, agents + 1)], tasks, model)

    @property
    def done(self) -> int:
        """Tasks finished."""
        return sum(seat.done for seat in self.seats)

    @property
    def right(self) -> int:
        """Tasks finished with the right answer."""
        return sum(seat.right for seat in self.seats)
