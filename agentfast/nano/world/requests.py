"""Requests to the desks of one shop, each played on it and put back."""

from __future__ import annotations

import random
from dataclasses import dataclass

from agentfast.nano.world import scenarios
from agentfast.nano.world.database import Shop
from agentfast.nano.world.desks import DESKS, Desk
from agentfast.nano.world.phrases import draw_phrase, fill, polite, polite_pair
from agentfast.nano.world.play import Solution, play, together
from agentfast.nano.world.scenarios import Draw, Kind, Rows, Scenario
from agentfast.nano.world.shop_tools import functions_of
from agentfast.nano.world.splits import Split
from agentfast.nano.world.values import Values


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a desk and its solution."""

    text: str
    desk: Desk
    solution: Solution


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario played: its request without politeness, whether words may follow it, and the values it mentions."""

    core: str
    open_end: bool
    solution: Solution
    values: set[str]


class RequestMaker:
    """Makes requests about the rows that `shop` holds now; each is played on the shop and undone.

    Args:
        split: whose phrasings and fresh values are used.
        shapes: whose shapes of chains are used; None: those of `split`.
    """

    def __init__(self, shop: Shop, rng: random.Random, split: Split, shapes: Split | None = None) -> None:
        self.shop = shop
        self.rng = rng
        self.split: Split = split
        self._shapes: Split = shapes or split
        self.values = Values(rng, split)
        self._rows = Rows(shop)
        self._functions = functions_of(shop)

    def make(self, kind: Kind, desk: str | None = None) -> Request:
        """A request of the shop kinds (single, parallel, chain), played and put back."""
        rng = self.rng
        if kind == "parallel" and rng.random() < 0.4:
            return self._two_singles(desk)
        chosen = self._scenario(kind, desk)
        played = self._play(chosen)
        return Request(
            polite(played.core, rng, open_end=played.open_end), DESKS[chosen.desk], played.solution
        )

    def foreign(self, desk: Desk) -> str:
        """A request of another desk that needs a tool this desk lacks."""
        while True:
            request = self.make(self.rng.choice(("single", "single", "chain")))
            if not all(call.name in desk.tools for call in request.solution.calls):
                return request.text

    def _scenario(self, kind: Kind, desk: str | None) -> Scenario:
        return self.rng.choice(self.rng.choice(scenarios.of(kind, self._shapes, desk)))

    def _play(self, chosen: Scenario) -> Played:
        draw = Draw(self.rng, self.split, self._rows, self.values)
        template = draw_phrase(chosen.patterns, self.split, self.rng)
        with self.shop.rollback():
            solution = play(chosen.script(draw), self._functions)
        # Text that is to be sent stands at the end: nothing may follow it.
        open_end = not template.endswith(("{text}", '"'))
        return Played(
            fill(template, draw.slots), open_end, solution, {str(slot) for slot in draw.slots.values()}
        )

    def _two_singles(self, desk: str | None) -> Request:
        """Two requests of one desk together; their calls go out in one turn."""
        rng = self.rng
        name = desk or rng.choice(tuple(DESKS))
        while True:
            first = self._play(self._scenario("single", name))
            second = self._play(self._scenario("single", name))
            # Requests about the same row could disturb each other.
            if first.open_end and not first.values & second.values:
                text = polite_pair(first.core, second.core, rng, open_end=second.open_end)
                return Request(text, DESKS[name], together(first.solution, second.solution))
