"""Composed chains of invented tools can be followed by reading, and every choice of a row is plain."""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any, cast

import pytest

from agentfast.messages import ToolCall
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import Turn
from agentfast.nano.tasks.invented.chains import make_chain
from agentfast.nano.tasks.invented.live import live_tools
from agentfast.nano.tasks.invented.tasks import InventedTask, make_task

Record = dict[str, Any]


@cache
def chains() -> tuple[InventedTask, ...]:
    values = Values(random.Random(5), "train")
    made = (make_chain(values) for _ in range(400))
    return tuple(
        InventedTask(request, tuple(tool.definition for tool in tools), solution)
        for request, solution, tools in made
    )


def records(turn: Turn) -> list[Record]:
    """All records that a turn finds."""
    found: list[Record] = []
    for result in turn.results:
        found += cast("list[Record]", result) if isinstance(result, list) else [result]
    return found


def test_what_a_call_needs_stands_in_the_request_or_in_an_earlier_result() -> None:
    for chain in chains():
        known: list[Any] = []
        for turn in chain.solution.turns:
            for value in (value for call in turn.calls for value in call.arguments.values()):
                stated = re.search(rf"(?<![\w.]){re.escape(str(value))}(?![\w]|\.\d)", chain.request)
                assert stated or value in known, chain
            known += [value for record in records(turn) for value in record.values()]


def test_a_turn_after_the_first_waits_for_a_result_of_an_earlier_one() -> None:
    for chain in chains():
        known: list[Any] = []
        for number, turn in enumerate(chain.solution.turns):
            given = [value for call in turn.calls for value in call.arguments.values()]
            assert number == 0 or any(value in known for value in given), chain
            known += [value for record in records(turn) for value in record.values()]


def test_no_call_is_made_twice_and_calls_of_a_turn_are_of_declared_tools() -> None:
    for chain in chains():
        names = [tool.name for tool in chain.tools]
        assert len(names) == len(set(names))
        made = [repr((call.name, call.arguments)) for call in chain.solution.calls]
        assert len(made) == len(set(made))
        assert {call.name for call in chain.solution.calls} <= set(names)


def test_rows_of_a_list_differ_in_all_but_their_state() -> None:
    for rows in lists():
        assert len(rows) >= 2
        for key in rows[0]:
            column = [row[key] for row in rows]
            assert len(set(column)) == len(column) or key in states(), rows


def lists() -> list[list[Record]]:
    return [
        cast("list[Record]", result)
        for chain in chains()
        for turn in chain.solution.turns
        for result in turn.results
        if isinstance(result, list)
    ]


@cache
def states() -> frozenset[str]:
    """Fields that a request chooses several rows by: "each of the boats whose mode is fast"."""
    asked = (re.findall(r"(?:each|one) of .*?(?:whose|that has) (\w+)", chain.request) for chain in chains())
    return frozenset(name for names in asked for name in names)


def test_a_row_that_is_chosen_by_the_most_or_least_of_a_field_is_the_one_acted_on() -> None:
    extremes = {"lowest": min, "earliest": min, "highest": max, "latest": max}
    tried = 0
    for chain in chains():
        chosen = re.findall(r"(lowest|earliest|highest|latest) (\w+)", chain.request)
        if len(chosen) != 1 or len(chain.solution.turns) < 2:
            continue
        [(extreme, field)] = chosen
        listed = [row for row in records(chain.solution.turns[0]) if field in row]
        if listed:
            column = [row[field] for row in listed]
            best = listed[column.index(extremes[extreme](column))]
            others = [value for row in listed if row is not best for value in row.values()]
            later = [call for turn in chain.solution.turns[1:] for call in turn.calls]
            copied = [value for call in later for value in call.arguments.values()]
            assert not any(value in others for value in copied if value not in best.values()), chain
            tried += 1
    assert tried > 20


def test_the_gold_solution_replays() -> None:
    for chain in chains():
        tools = {tool.name: tool for tool in live_tools(chain)}

        def run(call: ToolCall, tools: dict[str, Any] = tools) -> Any:
            return tools[call.name](**tools[call.name].validate(call.arguments))

        for turn in chain.solution.turns:
            assert tuple(run(call) for call in turn.calls) == turn.results
        read = str([turn.results for turn in chain.solution.turns])
        assert all(value in read for value in chain.solution.answer.expected)


def test_chains_have_many_shapes() -> None:
    shapes = {
        tuple(
            (len(turn.calls), *(len(call.arguments) for call in turn.calls)) for turn in chain.solution.turns
        )
        for chain in chains()
    }
    assert len(shapes) > 60


@pytest.mark.parametrize("split", ["train", "test"])
def test_only_training_has_composed_chains(split: Split) -> None:
    values = Values(random.Random(0), split)
    calls = [len(make_task(values).solution.calls) for _ in range(300)]
    assert (max(calls) > 2) == (split == "train")
