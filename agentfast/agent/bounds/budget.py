"""Budgets that several runs share: each reserves before it spends, so that together they exceed none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from agentfast.agent.errors import LimitExceededError
from agentfast.tools.checks import check_integer, check_number

_DEFAULT_TOKENS = 2048
"""Tokens reserved for a turn whose length nobody bounds."""


@dataclass(slots=True)
class Spent:
    """Amounts of what a budget bounds.

    Attributes:
        requests: turns that models were asked for.
        calls: tool calls.
        tokens: generated tokens.
        cost: money, in the unit of the models' prices.
    """

    requests: int = 0
    calls: int = 0
    tokens: int = 0
    cost: float = 0.0


@dataclass(slots=True)
class Reservation:
    """The part of a budget that is held for a turn.

    Attributes:
        tokens: the turn may take; None if the budget bounds none.
        cost: held for it.
    """

    tokens: int | None
    cost: float


class Budget:
    """Bounds on what any number of runs, with the runs that their tools start, use together. None is no limit.

    A turn reserves its tokens before the model is asked, and returns what it did not use; a turn for which too little is
    left waits until others have returned theirs, and is refused when nobody is left who could. Any event loop and thread
    may use it. A budget is used up, not renewed: make one for each task.
    """

    def __init__(
        self,
        *,
        requests: int | None = None,
        calls: int | None = None,
        tokens: int | None = None,
        seconds: float | None = None,
        cost: float | None = None,
    ) -> None:
        """Set the bounds.

        Args:
            requests: turns that models are asked for.
            calls: tool calls.
            tokens: generated tokens.
            seconds: time from the first run's start on.
            cost: money, in the unit of the models' prices. Models without a price cost nothing.

        Raises:
            ConfigError: a bound is not above 0.
        """
        for name, value in (("requests", requests), ("calls", calls), ("tokens", tokens)):
            check_integer(f"Budget({name}=...)", value, least=1, optional=True)
        check_number("Budget(seconds=...)", seconds, above=0, optional=True)
        check_number("Budget(cost=...)", cost, above=0, optional=True)
        self.requests, self.calls, self.tokens = requests, calls, tokens
        self.seconds, self.cost = seconds, cost
        self._spent = Spent()
        self._held = Spent()
        self._ends_at: float | None = None
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], object]] = []

    @property
    def spent(self) -> Spent:
        """Amounts used up to now, without those that are reserved."""
        with self._lock:
            return Spent(self._spent.requests, self._spent.calls, self._spent.tokens, self._spent.cost)

    def __repr__(self) -> str:
        bounds = {name: getattr(self, name) for name in ("requests", "calls", "tokens", "seconds", "cost")}
        shown = ", ".join(f"{name}={value}" for name, value in bounds.items() if value is not None)
        return f"Budget({shown})"

    def start(self) -> float | None:
        """Begin to count the seconds, unless a run has; the end by time.monotonic, None without a bound."""
        if self.seconds is None:
            return None
        with self._lock:
            if self._ends_at is None:
                self._ends_at = time.monotonic() + self.seconds
            return self._ends_at

    async def reserve(self, tokens: int | None, price_of: Callable[[int], float]) -> Reservation:
        """Reserve a turn, waiting for what other turns hold if need be.

        Args:
            tokens: the turn may take; None: as many as the model's own limit says.
            price_of: the most that a turn of so many generated tokens costs.

        Raises:
            LimitExceededError: too little is left.
        """
        while True:
            loop = asyncio.get_running_loop()
            freed: asyncio.Future[None] = loop.create_future()
            with self._lock:
                reservation = self._take(tokens, price_of)
                if reservation is not None:
                    return reservation
                wake = _waker(loop, freed)
                self._waiting.append(wake)
            try:
                await freed
            finally:
                with self._lock:
                    if wake in self._waiting:
                        self._waiting.remove(wake)

    def settle(self, reservation: Reservation, tokens: int, cost: float) -> None:
        """Count what a turn came to, and return the rest of its reservation."""
        with self._lock:
            self._spent.tokens += tokens
            self._spent.cost += cost
            self._held.requests -= 1
            self._held.tokens -= reservation.tokens or 0
            self._held.cost -= reservation.cost
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def count_calls(self, number: int) -> None:
        """Count tool calls before they run.

        Raises:
            LimitExceededError: they are more than are left; none of them is counted.
        """
        with self._lock:
            if self.calls is not None and self._spent.calls + number > self.calls:
                raise _used_up("calls", self.calls, "tool calls")
            self._spent.calls += number

    def _take(self, tokens: int | None, price_of: Callable[[int], float]) -> Reservation | None:
        """Reserve now; None if others hold what is missing."""
        spent, held = self._spent, self._held
        if self.requests is not None and spent.requests >= self.requests:
            raise _used_up("requests", self.requests, "requests to models")
        granted: int | None = None
        if self.tokens is not None:
            if spent.tokens >= self.tokens:
                raise _used_up("tokens", self.tokens, "generated tokens")
            wanted = _DEFAULT_TOKENS if tokens is None else tokens
            free = self.tokens - spent.tokens - held.tokens
            if free < wanted and held.requests:
                return None
            granted = min(wanted, free)
        cost = 0.0
        if self.cost is not None:
            cost = price_of(granted or tokens or _DEFAULT_TOKENS)
            if spent.cost + held.cost + cost > self.cost:
                if held.requests:
                    return None
                raise _used_up("cost", self.cost, "in money: the next turn could cost more than is left")
        spent.requests += 1
        held.requests += 1
        held.tokens += granted or 0
        held.cost += cost
        return Reservation(granted, cost)


def _waker(loop: asyncio.AbstractEventLoop, freed: asyncio.Future[None]) -> Callable[[], object]:
    def settle() -> None:
        if not freed.done():
            freed.set_result(None)

    def wake() -> None:
        with suppress(RuntimeError):  # that loop was closed, with the run that waited
            loop.call_soon_threadsafe(settle)

    return wake


def _used_up(name: str, bound: float, of_what: str) -> LimitExceededError:
    return LimitExceededError(
        f"the shared budget of {bound:g} {of_what} is used up",
        hint=f"raise Budget({name}=...), or make a new one",
    )
