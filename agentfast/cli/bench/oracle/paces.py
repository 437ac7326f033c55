"""Simulated devices: the time of a turn of so many tokens at a speed, alone or beside others."""

from __future__ import annotations

import asyncio
import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from time import monotonic

from agentfast.errors import ConfigError

SPEED = re.compile(r"(?P<steps>\d+)x(?P<step_s>\d*\.?\d+)/(?P<canvas>\d+)")


@dataclass(frozen=True, slots=True)
class Pace:
    """A request's generation speed: tokens per second, or tokens per canvas with the seconds of a canvas."""

    text: str
    tokens_per_s: float = 0.0
    canvas: int = 0
    canvas_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Pace:
        """ "205" (tokens per second) or "12x0.05/256" (steps x seconds per step / tokens per canvas).

        Raises:
            ConfigError: it is neither, or not above 0.
        """
        if match := SPEED.fullmatch(text):
            canvas, canvas_s = int(match["canvas"]), int(match["steps"]) * float(match["step_s"])
            if canvas > 0 and canvas_s > 0:
                return cls(text, canvas=canvas, canvas_s=canvas_s)
        try:
            rate = float(text)
        except ValueError:
            rate = math.nan
        if not 0 < rate < math.inf:
            raise ConfigError(
                f"{text!r} is no speed", hint="tokens per second, or STEPSxSECONDS/CANVAS as in 12x0.05/256"
            )
        return cls(text, tokens_per_s=rate)

    def seconds(self, tokens: int) -> float:
        """Seconds of a turn of that many tokens, alone on the device."""
        if self.canvas:
            return math.ceil(tokens / self.canvas) * self.canvas_s
        return tokens / self.tokens_per_s


class Device(ABC):
    """A simulated device, whose time the turns take."""

    @abstractmethod
    async def work(self, seconds: float) -> float:
        """Return when work of so many seconds (alone on the device) is done.

        Returns:
            The seconds that it took by the device's own account, without the lateness of timers and the event loop.
        """


class IndependentDevice(Device):
    """A device that gives every request its full speed."""

    async def work(self, seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds


class SharedDevice(Device):
    """A device whose speed the requests under way share equally (processor sharing)."""

    def __init__(self) -> None:
        self._sharing = ProcessorSharing()
        self._changed = asyncio.Event()

    async def work(self, seconds: float) -> float:
        began = monotonic()
        job = self._sharing.add(began, seconds)
        self._wake_others()
        try:
            while (ended := self._sharing.ended(monotonic(), job)) is None:
                changed = self._changed
                try:
                    async with asyncio.timeout(self._sharing.time_left(monotonic(), job)):
                        await changed.wait()
                except TimeoutError:
                    pass
            return ended - began
        finally:
            self._sharing.remove(monotonic(), job)
            self._wake_others()

    def _wake_others(self) -> None:
        """Make all waiting requests recompute their time left."""
        self._changed.set()
        self._changed = asyncio.Event()


class ProcessorSharing:
    """Processor sharing: with k jobs under way, each gets on at 1/k of the speed. Times are in seconds, and only grow."""

    def __init__(self) -> None:
        self._now = 0.0
        self._left: dict[int, float] = {}  # work of the jobs under way
        self._ended: dict[int, float] = {}  # when the others ended
        self._count = 0

    def add(self, now: float, work: float) -> int:
        """Begin a job; returns its number."""
        self._advance(now)
        self._count += 1
        self._left[self._count] = work
        return self._count

    def ended(self, now: float, job: int) -> float | None:
        """The time at which the job ended; None: it has not."""
        self._advance(now)
        return self._ended.get(job)

    def time_left(self, now: float, job: int) -> float:
        """Seconds until the job ends if no other comes and the others end when their work is done."""
        self._advance(now)
        mine = self._left.get(job, 0.0)
        return sum(min(mine, left) for left in self._left.values())

    def remove(self, now: float, job: int) -> None:
        """Forget a job, ended or given up."""
        self._advance(now)
        self._left.pop(job, None)
        self._ended.pop(job, None)

    def _advance(self, now: float) -> None:
        """Account for the work done up to `now`, job by job as they end."""
        while self._left:
            count = len(self._left)
            first = min(self._left, key=lambda job: self._left[job])
            work = self._left[first]
            if self._now + work * count > now:
                done = (now - self._now) / count
                self._left = {job: left - done for job, left in self._left.items()}
                break
            self._now += work * count
            self._left = {job: left - work for job, left in self._left.items() if job != first}
            self._ended[first] = self._now
        self._now = max(self._now, now)
