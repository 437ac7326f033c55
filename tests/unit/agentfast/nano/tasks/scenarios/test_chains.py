"""Chains are composed, and a held-out chain is a sequence of calls that training never shows."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import islice

import pytest

from agentfast.messages import ToolCall
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.tools import functions_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks import Kind, generate_tasks
from agentfast.nano.tasks.gold import Solution, error_of, play
from agentfast.nano.tasks.requests import RequestMaker
from agentfast.nano.tasks.scenarios import SCENARIOS, Draw, Rows, Scenario, of
from agentfast.nano.tasks.scenarios.chains.compose import side_by_side
from agentfast.nano.tasks.scenarios.chains.references import Path
from agentfast.nano.training.corpus.episodes import episodes
from tests.support.chain_shapes import shape_of

CHAINS = [scenario for scenario in SCENARIOS if scenario.kind == "chain"]
SPLITS: tuple[Split, Split] = ("train", "test")
ONLY_CHAINS: dict[Kind, float] = {"chain": 1.0}


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop.generate(random.Random(11), "train")


def played(scenario: Scenario, shop: Shop, seed: int) -> tuple[Solution, str]:
    """A solution, and the values that the request names."""
    rng = random.Random(seed)
    draw = Draw(rng, "train", Rows(shop), Values(rng, "train"))
    with shop.rollback():
        solution = play(scenario.script(draw), functions_of(shop))
    return solution, json.dumps(list(draw.slots.values()))


FAMILIES: dict[str, list[Scenario]] = {}
for made in CHAINS:
    FAMILIES.setdefault(f"{made.desk}-{made.family}", []).append(made)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_shape_of_a_chain_is_what_its_calls_do(family: str, shop: Shop) -> None:
    for scenario in FAMILIES[family]:
        assert observed_shape(scenario, shop) == scenario.shape, scenario.name


def observed_shape(scenario: Scenario, shop: Shop) -> str:
    """The usual shape of its calls. A value may stand in the request by chance, or a list be empty: mostly it is not so."""
    shapes: Counter[str] = Counter()
    for seed in range(8):
        solution, request = played(scenario, shop, seed)
        if error_of(tuple(r for turn in solution.turns for r in turn.results)) is None:
            shapes[shape_of(solution, request)] += 1
    return shapes.most_common(1)[0][0]


def test_no_held_out_chain_has_the_shape_of_one_in_training() -> None:
    shapes = {split: {s.shape for s in CHAINS if s.belongs_to(split)} for split in ("train", "test")}
    assert not shapes["train"] & shapes["test"]
    assert len(shapes["train"]) >= 75
    assert len(shapes["test"]) >= 20
    for desk in DESKS:
        held_out = {s.shape for family in of("chain", "test", desk) for s in family}
        assert len(held_out) >= 4
        assert held_out <= shapes["test"]


def test_every_action_and_every_reference_of_a_desk_occurs_in_training() -> None:
    for desk in DESKS:
        mine = [scenario for scenario in CHAINS if scenario.desk == desk]
        taught = [scenario for scenario in mine if scenario.belongs_to("train")]
        assert {s.family for s in taught} == {s.family for s in mine}
        assert references(taught) == references(mine)


def references(scenarios: list[Scenario]) -> set[str]:
    return {name for scenario in scenarios for name in scenario.name.split()[1:]}


@pytest.mark.parametrize("split", SPLITS)
def test_requests_of_a_split_are_of_its_shapes(split: Split) -> None:
    shop = Shop.generate(random.Random(9), split)
    maker = RequestMaker(shop, random.Random(10), split)
    others = {s.shape for s in CHAINS if s.belongs_to(next(other for other in SPLITS if other != split))}
    finished = strays = 0
    for _ in range(300):
        request = maker.make("chain")
        results = tuple(r for turn in request.solution.turns for r in turn.results)
        # One that stops at an error or an empty list has begun like a chain of either split.
        if error_of(results) is None and [] not in results:
            finished += 1
            strays += shape_of(request.solution, request.text.lower()) in others
    # A status, time or number that comes from a result may stand in the request by chance.
    assert finished > 200
    assert strays <= finished // 50


def test_chains_are_solved_by_their_gold_calls() -> None:
    for task in generate_tasks(12, 80, mix=ONLY_CHAINS):
        tools = {tool.name: tool for tool in task.tools}
        for call in task.solution.calls:
            tools[call.name].function(**tools[call.name].validate(call.arguments))
        assert task.check(task.solution.answer.text, task.solution.calls)


def test_chains_of_two_to_four_turns_occur() -> None:
    turns = Counter(
        sum(bool(getattr(message, "calls", ())) for message in episode.messages)
        for episode in islice(episodes(13, mix=ONLY_CHAINS), 400)
    )
    assert {2, 3} <= turns.keys()
    assert sum(turns[n] for n in (2, 3, 4)) > 350


def test_paths_side_by_side_make_the_calls_of_a_turn_together() -> None:
    def path(name: str, calls: int) -> Path:
        found: list[object] = []
        for number in range(calls):
            found += yield [ToolCall(f"{name}{number}", {})]
        return {"found": found}

    both = side_by_side([path("a", 2), path("b", 1), path("c", 0)])
    assert [call.name for call in next(both)] == ["a0", "b0"]
    assert [call.name for call in both.send([1, 2])] == ["a1"]
    with pytest.raises(StopIteration) as stop:
        both.send([3])
    assert stop.value.value == [{"found": [1, 3]}, {"found": [2]}, {"found": []}]
