"""A composed request has the shape that is claimed for it, which is not held out, and words that tests do not use."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, TOOL_NAMES
from agentfast.nano.shop.splits import split_of
from agentfast.nano.shop.tools import functions_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import Solution, error_of, play
from agentfast.nano.tasks.phrases import draw_alternatives, phrasings
from agentfast.nano.tasks.requests import RequestMaker
from agentfast.nano.tasks.scenarios import SCENARIOS, Draw, Rows
from agentfast.nano.tasks.scenarios.base import split_of_shape
from agentfast.nano.training.corpus.composed import Composition, compose
from agentfast.nano.training.corpus.composed.composer import bare
from agentfast.nano.training.corpus.requests import TrainingRequestMaker
from tests.support.chain_shapes import shape_of

EVERY_DESK = ("", *DESKS)


@cache
def made(desk: str, count: int = 150) -> tuple[tuple[Composition, Solution, Draw], ...]:
    return tuple(composed(desk, count))


def composed(desk: str, count: int) -> Iterator[tuple[Composition, Solution, Draw]]:
    rng = random.Random(f"composed/{desk}")
    shop = Shop.generate(rng, "train")
    rows, values = Rows(shop), Values(rng, "train")
    for _ in range(count):
        drawn: list[Draw] = []

        def draw(drawn: list[Draw] = drawn) -> Draw:
            drawn.append(Draw(rng, "train", rows, values))
            return drawn[-1]

        composition = compose(draw, desk, set(DESKS[desk].tools if desk else TOOL_NAMES))
        with shop.rollback():
            yield composition, play(composition.script, functions_of(shop)), drawn[-1]


@pytest.mark.parametrize("desk", EVERY_DESK)
def test_the_shape_is_what_the_calls_do(desk: str) -> None:
    right = sum(
        composition.shape == shape_of(solution, json.dumps(list(draw.slots.values())))
        for composition, solution, draw in made(desk)
    )
    # A status or a date of a result may be in the request by chance, or two results have the same.
    assert right > 0.85 * len(made(desk))


@pytest.mark.parametrize("desk", EVERY_DESK)
def test_calls_are_the_desks_and_succeed(desk: str) -> None:
    for composition, solution, _ in made(desk):
        assert {call.name for call in solution.calls} == composition.tools
        assert composition.tools <= set(DESKS[desk].tools if desk else TOOL_NAMES)
        assert error_of(tuple(result for turn in solution.turns for result in turn.results)) is None


def test_a_mirror_says_the_same_with_two_rows_exchanged() -> None:
    rng = random.Random("mirrors")
    shop = Shop.generate(rng, "train")
    rows, values, functions = Rows(shop), Values(rng, "train"), functions_of(shop)
    different: Counter[bool] = Counter()
    for desk in EVERY_DESK:
        allowed = set(DESKS[desk].tools if desk else TOOL_NAMES)
        for _ in range(100):
            composition = compose(lambda: Draw(rng, "train", rows, values), desk, allowed)
            mirror = composition.mirror
            if mirror is None:
                continue
            slots = [re.findall(r"\{\w+\}", " ".join(made.templates)) for made in (composition, mirror)]
            assert set(slots[0]) == set(slots[1])
            assert slots[0] != slots[1]
            assert mirror.tools <= allowed
            assert split_of_shape(mirror.shape) == "train"
            solutions: list[Solution] = []
            for made in (composition, mirror):
                with shop.rollback():
                    solutions.append(play(made.script, functions))
            assert error_of(tuple(result for turn in solutions[1].turns for result in turn.results)) is None
            assert {call.name for call in solutions[1].calls} == mirror.tools
            different[Counter(map(repr, solutions[0].calls)) != Counter(map(repr, solutions[1].calls))] += 1
    assert different.total() > 0.15 * 100 * len(EVERY_DESK)
    assert different[True] > 0.8 * different.total()  # "cancel both" is the same both ways


def test_a_deed_may_be_done_to_two_rows_alike() -> None:
    found = 0
    for composition, solution, _ in (each for desk in DESKS for each in made(desk)):
        if not any(text.split(" and ")[0].count("both ") for text in composition.cores):
            continue
        acts = Counter(call.name for call in solution.turns[-1].calls)
        tool = max(acts, key=lambda name: acts[name])
        calls = [call.arguments for call in solution.turns[-1].calls if call.name == tool]
        assert len({arguments["id"] for arguments in calls}) >= 2
        found += 1
    assert found > 10


def test_a_mirror_is_asked_for_right_after_its_request() -> None:
    rng = random.Random("asked mirrors")
    maker = TrainingRequestMaker(Shop.generate(rng, "train"), rng, "train")
    texts = [maker.make("chain").text for _ in range(150)]
    values = [frozenset(re.findall(r"\d+", text)) for text in texts]
    assert sum(len(one) > 1 and one == other for one, other in pairwise(values)) > 5


def test_no_shape_is_held_out_and_most_are_new() -> None:
    shapes = {composition.shape for desk in EVERY_DESK for composition, _, _ in made(desk)}
    held_out = {scenario.shape for scenario in SCENARIOS if scenario.shape and scenario.belongs_to("test")}
    assert all(split_of_shape(shape) == "train" for shape in shapes)
    assert not shapes & held_out
    assert len(shapes - {scenario.shape for scenario in SCENARIOS}) > 0.5 * len(shapes)


def test_no_request_is_in_the_words_of_a_held_out_one() -> None:
    held_out = {bare(phrase) for scenario in SCENARIOS for phrase in phrasings(scenario.patterns, "test")}
    for composition in (composition for desk in EVERY_DESK for composition, _, _ in made(desk)):
        assert all(split_of(template) == "train" for template in composition.templates)
        assert not {bare(template) for template in composition.templates} & held_out
        assert bare(" and ".join(composition.templates)) not in held_out


def test_calls_of_a_turn_are_in_the_order_of_the_request() -> None:
    """So it is in chains to learn from, too."""
    for to_learn in (True, False):
        rng = random.Random(f"order/{to_learn}")
        requests = TrainingRequestMaker if to_learn else RequestMaker
        maker = requests(Shop.generate(rng, "train"), rng, "train")
        swapping = next(s for s in SCENARIOS if s.name == "send_email_of customer_by_name customer_by_id")
        order: Counter[bool] = Counter()
        for _ in range(60):
            phrased = maker.phrase(swapping)
            turn = maker.play(phrased.script).turns[0]
            if len(turn.calls) == 2:
                first, second = (phrased.template.index(slot) for slot in ("{name0}", "{customer1}"))
                order[(turn.calls[0].name == "find_customer") == (first < second)] += 1
        assert bool(order[False]) is not to_learn


def test_alternatives_are_drawn_from_the_split_alone() -> None:
    rng = random.Random(0)
    pattern = "[show|give me|tell me] the [date|day] of order {id}"
    for split in ("train", "test"):
        drawn = {draw_alternatives(pattern, split, rng) for _ in range(200)} - {None}
        assert drawn == set(phrasings((pattern,), split))
    single = "order {id}"
    assert draw_alternatives(single, "train" if split_of(single) == "test" else "test", rng) is None
