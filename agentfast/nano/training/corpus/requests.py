"""Requests to the shop for training alone: pairs of requests, random compositions and scenarios without tasks."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import ClassVar

from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, TOOL_NAMES, Desk
from agentfast.nano.shop.splits import Split
from agentfast.nano.tasks.phrases import polite, polite_pair
from agentfast.nano.tasks.requests import PhrasedScenario, RequestMaker, ShopRequest
from agentfast.nano.tasks.scenarios import Kind
from agentfast.nano.tasks.scenarios.base import Script, split_of_shape
from agentfast.nano.training.corpus.composed import Composition, compose
from agentfast.nano.training.corpus.pairs import both, resumed, shape_of_both

COMPOSED = 0.7
"""Share of chains that are composed at random."""

ANY_TOOLS = 0.25
"""Share of compositions that draw on the tools of all desks."""

PAIRED = 0.35
"""Share of all other chains that are asked for together with another request."""

MOST_CALLS_OF_PAIRS = 6


class TrainingRequestMaker(RequestMaker):
    """Makes the requests of `RequestMaker` and those that no task has."""

    untested_scenarios: ClassVar[bool] = True
    calls_in_text_order: ClassVar[bool] = True

    def __init__(self, shop: Shop, rng: random.Random, split: Split) -> None:
        super().__init__(shop, rng, split)
        self._mirrored: ShopRequest | None = None

    def make(self, kind: Kind, desk: str | None = None) -> ShopRequest:
        """A request of one of the shop's kinds; chains may be composed or paired."""
        if kind == "chain":
            if self.rng.random() < COMPOSED:
                return self._composed(desk)
            if self.rng.random() < PAIRED:
                return self._chain_and_another(desk)
        return super().make(kind, desk)

    def _chain_and_another(self, desk: str | None) -> ShopRequest:
        """A chain together with another request of its desk, never of a held-out shape."""
        name = desk or self.rng.choice(tuple(DESKS))
        while True:
            kinds: list[Kind] = ["chain", self.rng.choice(("single", "chain"))]
            self.rng.shuffle(kinds)
            scripts: list[Script] = []
            phrased: list[PhrasedScenario] = []
            shapes: list[str] = []
            for kind in kinds:
                chosen = self.draw_scenario(kind, name)
                made = self.phrase(chosen)
                opening = next(made.script)
                phrased.append(made)
                scripts.append(resumed(opening, made.script))
                shapes.append(chosen.shape or opening[0].name)
            solution = self.play(both(*scripts))
            text = self.join(*phrased)
            known = split_of_shape(shape_of_both(*shapes)) == "train"
            if known and text is not None and len(solution.calls) <= MOST_CALLS_OF_PAIRS:
                return ShopRequest(text, DESKS[name], solution)

    def _composed(self, desk: str | None) -> ShopRequest:
        """A random composition, to a desk or to a random toolset that has the tools it takes.

        If two of its rows can be exchanged, the next composition is its mirror, with the two exchanged: nothing else
        tells them apart.
        """
        if self._mirrored is not None and desk is None:
            mirrored, self._mirrored = self._mirrored, None
            return mirrored
        rng = self.rng
        base = DESKS[desk or rng.choice(tuple(DESKS))]
        of_any = desk is None and rng.random() < ANY_TOOLS
        made = compose(self.new_draw, "" if of_any else base.name, set(TOOL_NAMES if of_any else base.tools))
        mirror = made.mirror
        if of_any:
            needed = made.tools | mirror.tools if mirror else made.tools
            unused = [name for name in TOOL_NAMES if name not in needed]
            tools = [*sorted(needed), *rng.sample(unused, rng.randint(1, 4))]
            base = replace(base, tools=tuple(rng.sample(tools, len(tools))))
        self._mirrored = self._request_of(mirror, base) if mirror else None
        return self._request_of(made, base)

    def _request_of(self, made: Composition, desk: Desk) -> ShopRequest:
        rng = self.rng
        first, *others = made.cores
        text = (
            polite_pair(first, others[0], rng, open_end=made.open_end)
            if others
            else polite(first, rng, open_end=made.open_end)
        )
        return ShopRequest(text, desk, self.play(made.script))
