"""Requests to the desks of one shop, each played on the shop and rolled back."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, Desk
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.tools import functions_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks import scenarios
from agentfast.nano.tasks.gold import Solution, play, together
from agentfast.nano.tasks.phrases import draw_phrase, fill, polite, polite_pair
from agentfast.nano.tasks.scenarios import Draw, Kind, Rows, Scenario
from agentfast.nano.tasks.scenarios.base import Script


@dataclass(frozen=True, slots=True)
class ShopRequest:
    """A request to a desk and its solution."""

    text: str
    desk: Desk
    solution: Solution


@dataclass(slots=True)
class PhrasedScenario:
    """A scenario with a drawn phrasing. Its slots are filled, and its values known, once its script has been played."""

    template: str
    draw: Draw
    script: Script

    @property
    def core(self) -> str:
        """The request without politeness."""
        return fill(self.template, self.draw.slots)

    @property
    def open_end(self) -> bool:
        """True if words may follow: no text to be sent stands at the end."""
        return not self.template.endswith(("{text}", '"'))

    @property
    def values(self) -> set[str]:
        """The values in the text."""
        return {str(slot) for slot in self.draw.slots.values()}


class RequestMaker:
    """Makes requests about the rows that `shop` holds now; each is played on the shop and rolled back.

    Args:
        split: source of phrasings and fresh values.
        shapes: split whose shapes of chains are used; None: `split`.
    """

    untested_scenarios: ClassVar[bool] = False
    """True: scenarios that no task is made of are drawn, too."""

    calls_in_text_order: ClassVar[bool] = False
    """True: the calls of a turn follow the order in which the text speaks of their rows."""

    def __init__(self, shop: Shop, rng: random.Random, split: Split, shapes: Split | None = None) -> None:
        self.shop = shop
        self.rng = rng
        self.split: Split = split
        self._shapes: Split = shapes or split
        self.values = Values(rng, split)
        self._rows = Rows(shop)
        self._functions = functions_of(shop)

    def make(self, kind: Kind, desk: str | None = None) -> ShopRequest:
        """A request of one of the shop's kinds: single, parallel or chain."""
        if kind == "parallel" and self.rng.random() < 0.4:
            return self._two_singles(desk)
        chosen = self.draw_scenario(kind, desk)
        phrased = self.phrase(chosen)
        solution = self.play(phrased.script)
        text = polite(phrased.core, self.rng, open_end=phrased.open_end)
        return ShopRequest(text, DESKS[chosen.desk], solution)

    def foreign(self, desk: Desk) -> str:
        """A request of another desk that needs a tool this desk lacks."""
        while True:
            request = self.make(self.rng.choice(("single", "single", "chain")))
            if not all(call.name in desk.tools for call in request.solution.calls):
                return request.text

    def draw_scenario(self, kind: Kind, desk: str | None) -> Scenario:
        """A scenario of that kind: first a family is drawn, then one of its scenarios."""
        families = scenarios.of(kind, self._shapes, desk, untested=self.untested_scenarios)
        return self.rng.choice(self.rng.choice(families))

    def phrase(self, chosen: Scenario) -> PhrasedScenario:
        """A scenario in words of this maker's split, yet to be played."""
        draw = self.new_draw()
        template = draw_phrase(chosen.patterns, self.split, self.rng)
        if self.calls_in_text_order:
            draw.template = template
        return PhrasedScenario(template, draw, chosen.script(draw))

    def new_draw(self) -> Draw:
        """An empty draw from the shop's rows."""
        return Draw(self.rng, self.split, self._rows, self.values)

    def play(self, script: Script) -> Solution:
        """Play a script on the shop and roll back."""
        with self.shop.rollback():
            return play(script, self._functions)

    def join(self, first: PhrasedScenario, second: PhrasedScenario) -> str | None:
        """Both in one text; None if nothing may follow the first, or if they share a value and could disturb each other."""
        if not first.open_end or first.values & second.values:
            return None
        return polite_pair(first.core, second.core, self.rng, open_end=second.open_end)

    def _two_singles(self, desk: str | None) -> ShopRequest:
        """Two requests of one desk together; their calls go out in one turn."""
        name = desk or self.rng.choice(tuple(DESKS))
        while True:
            first, second = (self.phrase(self.draw_scenario("single", name)) for _ in range(2))
            solutions = [self.play(phrased.script) for phrased in (first, second)]
            text = self.join(first, second)
            if text is not None:
                return ShopRequest(text, DESKS[name], together(*solutions))
