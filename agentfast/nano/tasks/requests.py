"""Requests to the desks of one shop, each played on it and put back."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, TOOL_NAMES, Desk
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.tools import functions_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks import scenarios
from agentfast.nano.tasks.gold import Solution, play, together
from agentfast.nano.tasks.phrases import draw_phrase, fill, polite, polite_pair
from agentfast.nano.tasks.scenarios import Draw, Kind, Rows, Scenario
from agentfast.nano.tasks.scenarios.base import Script, split_of_shape
from agentfast.nano.training.corpus.composed import Composition, compose
from agentfast.nano.training.corpus.pairs import both, resumed, shape_of_both

COMPOSED = 0.7  # how often a chain to learn from is composed at random
ANY_TOOLS = 0.25  # how often of all tools, not of a desk's
PAIRED = 0.35  # how often any other chain to learn from is asked for together with another request
MOST_CALLS_OF_PAIRS = 6


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a desk and its solution."""

    text: str
    desk: Desk
    solution: Solution


@dataclass(slots=True)
class Asked:
    """A scenario in words. Its slots are filled, and its values known, once its script has been played."""

    template: str
    draw: Draw
    script: Script

    @property
    def core(self) -> str:
        """The request without politeness."""
        return fill(self.template, self.draw.slots)

    @property
    def open_end(self) -> bool:
        """Whether words may follow it: text that is to be sent stands at the end."""
        return not self.template.endswith(("{text}", '"'))

    @property
    def values(self) -> set[str]:
        """What it mentions."""
        return {str(slot) for slot in self.draw.slots.values()}


class RequestMaker:
    """Makes requests about the rows that `shop` holds now; each is played on the shop and undone.

    Args:
        split: whose phrasings and fresh values are used.
        shapes: whose shapes of chains are used; None: those of `split`.
        to_learn: whether they are training's own, which has pairs, compositions and some actions that no task has.
    """

    def __init__(
        self,
        shop: Shop,
        rng: random.Random,
        split: Split,
        shapes: Split | None = None,
        *,
        to_learn: bool = False,
    ) -> None:
        self.shop = shop
        self.rng = rng
        self.split: Split = split
        self._shapes: Split = shapes or split
        self._to_learn = to_learn
        self.values = Values(rng, split)
        self._rows = Rows(shop)
        self._functions = functions_of(shop)
        self._mirrored: Request | None = None

    def make(self, kind: Kind, desk: str | None = None) -> Request:
        """A request of the shop kinds (single, parallel, chain), played and put back."""
        rng = self.rng
        if kind == "parallel" and rng.random() < 0.4:
            return self._two_singles(desk)
        if self._to_learn and kind == "chain" and rng.random() < COMPOSED:
            return self._composed(desk)
        if self._to_learn and kind == "chain" and rng.random() < PAIRED:
            return self._chain_and_another(desk)
        chosen = self._scenario(kind, desk)
        asked = self.ask(chosen)
        solution = self.play(asked.script)
        return Request(polite(asked.core, rng, open_end=asked.open_end), DESKS[chosen.desk], solution)

    def foreign(self, desk: Desk) -> str:
        """A request of another desk that needs a tool this desk lacks."""
        while True:
            request = self.make(self.rng.choice(("single", "single", "chain")))
            if not all(call.name in desk.tools for call in request.solution.calls):
                return request.text

    def _scenario(self, kind: Kind, desk: str | None) -> Scenario:
        return self.rng.choice(
            self.rng.choice(scenarios.of(kind, self._shapes, desk, to_learn=self._to_learn))
        )

    def ask(self, chosen: Scenario) -> Asked:
        """A scenario in words of this maker's split, yet to be played."""
        draw = self._draw()
        template = draw_phrase(chosen.patterns, self.split, self.rng)
        if self._to_learn:
            draw.template = template
        return Asked(template, draw, chosen.script(draw))

    def _draw(self) -> Draw:
        return Draw(self.rng, self.split, self._rows, self.values)

    def play(self, script: Script) -> Solution:
        """Play a script on the shop and put everything back."""
        with self.shop.rollback():
            return play(script, self._functions)

    def _two_singles(self, desk: str | None) -> Request:
        """Two requests of one desk together; their calls go out in one turn."""
        name = desk or self.rng.choice(tuple(DESKS))
        while True:
            first, second = (self.ask(self._scenario("single", name)) for _ in range(2))
            solutions = [self.play(asked.script) for asked in (first, second)]
            text = self._joined(first, second)
            if text is not None:
                return Request(text, DESKS[name], together(*solutions))

    def _chain_and_another(self, desk: str | None) -> Request:
        """A chain together with another request of its desk. No shape that is held out comes about."""
        name = desk or self.rng.choice(tuple(DESKS))
        while True:
            kinds: list[Kind] = ["chain", self.rng.choice(("single", "chain"))]
            self.rng.shuffle(kinds)
            scripts: list[Script] = []
            asked: list[Asked] = []
            shapes: list[str] = []
            for kind in kinds:
                chosen = self._scenario(kind, name)
                made = self.ask(chosen)
                opening = next(made.script)
                asked.append(made)
                scripts.append(resumed(opening, made.script))
                shapes.append(chosen.shape or opening[0].name)
            solution = self.play(both(*scripts))
            text = self._joined(*asked)
            known = split_of_shape(shape_of_both(*shapes)) == "train"
            if known and text is not None and len(solution.calls) <= MOST_CALLS_OF_PAIRS:
                return Request(text, DESKS[name], solution)

    def _composed(self, desk: str | None) -> Request:
        """A request composed at random, to a desk or to one that has the tools it takes among others.

        If two of its rows can be exchanged, the request that does so comes next: nothing else tells the two apart.
        """
        if self._mirrored is not None and desk is None:
            mirrored, self._mirrored = self._mirrored, None
            return mirrored
        rng = self.rng
        base = DESKS[desk or rng.choice(tuple(DESKS))]
        of_any = desk is None and rng.random() < ANY_TOOLS
        made = compose(self._draw, "" if of_any else base.name, set(TOOL_NAMES if of_any else base.tools))
        mirror = made.mirror
        if of_any:
            needed = made.tools | mirror.tools if mirror else made.tools
            unused = [name for name in TOOL_NAMES if name not in needed]
            tools = [*sorted(needed), *rng.sample(unused, rng.randint(1, 4))]
            base = replace(base, tools=tuple(rng.sample(tools, len(tools))))
        self._mirrored = self._request_of(mirror, base) if mirror else None
        return self._request_of(made, base)

    def _request_of(self, made: Composition, desk: Desk) -> Request:
        rng = self.rng
        first, *others = made.cores
        text = (
            polite_pair(first, others[0], rng, open_end=made.open_end)
            if others
            else polite(first, rng, open_end=made.open_end)
        )
        return Request(text, desk, self.play(made.script))

    def _joined(self, first: Asked, second: Asked) -> str | None:
        """Both in one text; None if nothing may follow the first, or if they mention the same row and could disturb each other."""
        if not first.open_end or first.values & second.values:
            return None
        return polite_pair(first.core, second.core, self.rng, open_end=second.open_end)
