"""Two requests at once: each is played as if it were alone, and changes wait for what the other one reads."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.messages import ToolCall
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS
from agentfast.nano.shop.tools import READS
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.requests import RequestMaker
from agentfast.nano.tasks.scenarios import Answer, Script, of
from agentfast.nano.training.corpus.pairs import both, resumed, shape_of_both

Kinds = tuple[str, ...]
scripts = st.lists(st.sampled_from(["get_order", "find_customer", "set_city", "add_stock"]), max_size=4).map(
    tuple
)


def script(name: str, tools: Kinds, heard: list[Any]) -> Script:
    """Calls the tools one after the other and notes what comes back."""
    for number, tool in enumerate(tools):
        heard += yield [ToolCall(tool, {"of": name, "number": number})]
    return Answer(f"{name} is done.", (name,))


def followed(made: Script) -> tuple[list[list[tuple[str, str, int]]], Answer]:
    """The calls of each turn, each answered by its own name and number, and the answer."""
    turns: list[list[tuple[str, str, int]]] = []
    try:
        calls = next(made)
        while True:
            turns.append([(call.name, call.arguments["of"], call.arguments["number"]) for call in calls])
            calls = made.send([(call.arguments["of"], call.arguments["number"]) for call in calls])
    except StopIteration as stop:
        return turns, stop.value


@given(scripts, scripts)
def test_each_script_gets_its_own_results_in_order(first: Kinds, second: Kinds) -> None:
    heard: dict[str, list[Any]] = {"a": [], "b": []}
    turns, answer = followed(both(script("a", first, heard["a"]), script("b", second, heard["b"])))
    for name, tools in (("a", first), ("b", second)):
        assert heard[name] == [(name, number) for number in range(len(tools))]
        assert [tool for turn in turns for tool, of_, _ in turn if of_ == name] == list(tools)
    assert answer == Answer("a is done. b is done.", ("a", "b"))


@given(scripts, scripts)
def test_a_change_waits_until_nobody_is_about_to_read(first: Kinds, second: Kinds) -> None:
    turns, _ = followed(both(script("a", first, []), script("b", second, [])))
    left = {"a": list(first), "b": list(second)}
    for turn in turns:
        about_to_read = {name for name, tools in left.items() if tools and tools[0] in READS}
        expected = about_to_read or {name for name, tools in left.items() if tools}
        assert {of_ for _, of_, _ in turn} == expected
        for _, of_, _ in turn:
            left[of_].pop(0)
    assert not any(left.values())


@given(scripts.filter(bool))
def test_a_script_goes_on_after_its_first_calls_were_taken(tools: Kinds) -> None:
    started = script("a", tools, [])
    assert followed(resumed(next(started), started)) == followed(script("a", tools, []))


def test_equal_answers_are_said_once() -> None:
    def quiet() -> Script:
        yield [ToolCall("set_city", {"of": "x", "number": 0})]
        return Answer("Done.")

    assert followed(both(quiet(), quiet()))[1] == Answer("Done.")


@pytest.mark.parametrize(
    ("first", "second", "joint"),
    [
        ("find_product > set_price(id)", "get_product", "find_product+get_product > set_price(id)"),
        ("find_product > set_price(id)", "set_price", "find_product > set_price(id)"),
        (
            "find_customer > set_city(id)",
            "get_order > get_customer(id) > set_city(id)+set_email(id)",
            "find_customer+get_order > get_customer(id) > set_city(id)+set_email(id)",
        ),
    ],
)
def test_shapes_are_joined_turn_by_turn(first: str, second: str, joint: str) -> None:
    assert shape_of_both(first, second) == joint
    assert shape_of_both(second, first) == joint


@pytest.mark.parametrize("desk", DESKS)
def test_the_joint_shape_names_the_tools_of_each_turn(desk: str) -> None:
    rng = random.Random(f"both/{desk}")
    shop = Shop.generate(rng, "train")
    maker = RequestMaker(shop, rng, "train")
    whole = 0
    for _ in range(60):
        chosen = [rng.choice(rng.choice(of("chain", "train", desk))) for _ in range(2)]
        solution = maker.play(both(*(maker.phrase(scenario).script for scenario in chosen)))
        shape = shape_of_both(*(scenario.shape for scenario in chosen))
        expected = [{step.split("(")[0] for step in turn.split("+")} for turn in shape.split(" > ")]
        made = tools_of(solution)
        assert made == expected[: len(made)]
        whole += len(made) == len(expected)
    assert whole > 40  # the others stop at an error, or where a list is empty


def tools_of(solution: Solution) -> list[set[str]]:
    return [{call.name for call in turn.calls} for turn in solution.turns]
