"""A task accepts what solves it, in any order, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from agentfast.cli.demo.command import make_tasks
from agentfast.errors import ConfigError, ToolArgumentsError
from agentfast.messages import ToolCall
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS
from agentfast.nano.shop.tools import READS
from agentfast.nano.tasks import Kind, Task, generate_tasks, shared_tasks

RANDOM_ONLY: dict[Kind, float] = {"random": 1.0}


def execute(task: Task, calls: Sequence[ToolCall]) -> list[Any]:
    """Call the task's tools as an agent's executor does: arguments are validated first."""
    tools = {tool.name: tool for tool in task.tools}
    return [tools[call.name].function(**tools[call.name].validate(call.arguments)) for call in calls]


def writes(task: Task) -> list[ToolCall]:
    return [call for call in task.solution.calls if call.name not in READS]


def big_shop(seed: int) -> Shop:
    return Shop.generate(
        random.Random(seed), "test", customers=80, products=60, orders=200, events=60, messages=60
    )


@pytest.mark.parametrize("mix", [None, RANDOM_ONLY])
def test_the_gold_solution_passes(mix: dict[Kind, float] | None) -> None:
    for task in generate_tasks(1, 60, mix=mix):
        results = execute(task, task.solution.calls)
        assert results == [result for turn in task.solution.turns for result in turn.results]
        assert task.check(task.solution.answer.text, task.solution.calls)


def test_doing_nothing_fails_unless_nothing_was_to_be_changed() -> None:
    for task in generate_tasks(2, 80):
        if task.effects:
            assert not task.check(task.solution.answer.text, ())


def test_a_wrong_id_fails() -> None:
    tried = 0
    for task in generate_tasks(3, 120):
        calls = [perturbed(call) if call.name not in READS else call for call in task.solution.calls]
        if task.effects and calls != list(task.solution.calls):
            execute(task, calls)
            assert not task.check(task.solution.answer.text, calls)
            tried += 1
    assert tried > 20


def perturbed(call: ToolCall) -> ToolCall:
    arguments = dict(call.arguments)
    for key in ("id", "customer", "quantity"):
        if key in arguments:
            arguments[key] += 1
    for key in ("text", "name", "title"):
        if key in arguments:
            arguments[key] += " now"
    return ToolCall(call.name, arguments)


def test_a_change_too_many_fails() -> None:
    for task in generate_tasks(4, 40):
        execute(task, task.solution.calls)
        assert task.shop is not None
        task.shop.insert("messages", "x@mail.com", "surplus")
        assert not task.solution.turns or not task.check(task.solution.answer.text, task.solution.calls)


def test_an_answer_without_its_values_fails() -> None:
    for task in generate_tasks(5, 60):
        execute(task, task.solution.calls)
        if task.solution.answer.expected:
            assert not task.check("Done.", task.solution.calls)


def test_declining_with_a_call_fails() -> None:
    only: dict[Kind, float] = {"no_tool": 1.0}
    for task in generate_tasks(6, 20, mix=only):
        assert task.check("No tool can do that.", ())
        assert task.check("no tool can do that", ())
        assert not task.check("Done.", ())
        assert not task.check("No tool can do that.", (ToolCall(task.tools[0].name, {}),))


def test_an_invented_tool_answers_its_gold_call_only_and_every_call_counts() -> None:
    for task in generate_tasks(7, 60, mix=RANDOM_ONLY):
        if not task.solution.calls:
            continue
        gold = task.solution.calls[0]
        wrong = ToolCall(gold.name, {name: other(value) for name, value in gold.arguments.items()})
        if gold.arguments and wrong != gold:
            with suppress(ToolArgumentsError):  # not a word of an enum, or not a date
                assert execute(task, [wrong]) == [{"error": "Nothing was found."}]
            assert not task.check(task.solution.answer.text, [*task.solution.calls, wrong])
        assert not task.check(task.solution.answer.text, task.solution.calls[1:])


def other(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "x"
        case _:
            return value[:-1]


def test_tasks_have_their_own_shops() -> None:
    tasks = generate_tasks(8, 30)
    assert len({id(task.shop) for task in tasks}) == 30
    for task in tasks:
        execute(task, task.solution.calls)
    assert all(task.check(task.solution.answer.text, task.solution.calls) for task in tasks)


def test_tasks_of_a_desk_share_instructions_and_tools_so_that_their_prefix_is_shared() -> None:
    for task in generate_tasks(9, 40):
        assert task.instructions == DESKS[task.desk].instructions[0]
        assert tuple(tool.name for tool in task.tools) == DESKS[task.desk].tools


@pytest.mark.parametrize("seed", range(3))
def test_tasks_on_one_shop_do_not_disturb_each_other_in_any_order(seed: int) -> None:
    shop = big_shop(seed)
    tasks = shared_tasks(shop, seed, 64)
    assert len(tasks) == 64
    random.Random(seed).shuffle(tasks)
    for task in tasks:
        results = execute(task, task.solution.calls)
        assert results == [result for turn in task.solution.turns for result in turn.results]
    assert all(task.check(task.solution.answer.text, task.solution.calls) for task in tasks)


def test_a_large_demo_has_its_tasks_and_each_can_be_done_after_all_others() -> None:
    tasks = make_tasks(200, 0)
    assert len({task.prompt for task in tasks}) == 200
    for task in reversed(tasks):
        results = execute(task, task.solution.calls)
        assert results == [result for turn in task.solution.turns for result in turn.results]


def test_a_shop_that_is_full_says_so() -> None:
    with pytest.raises(ConfigError, match=r"customers have used up the ids.*test"):
        Shop.generate(random.Random(0), "test", customers=300)


def test_tasks_on_one_shop_may_run_in_threads() -> None:
    shop = big_shop(5)
    tasks = shared_tasks(shop, 5, 64)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(execute, tasks, [task.solution.calls for task in tasks]))
    assert all(task.check(task.solution.answer.text, task.solution.calls) for task in tasks)


def test_on_one_shop_a_change_to_other_rows_fails_only_who_asked_for_it() -> None:
    tasks = [task for task in shared_tasks(big_shop(6), 6, 40) if writes(task)]
    for task in tasks:
        execute(task, task.solution.calls)
    stray = perturbed(writes(tasks[0])[0])
    assert not tasks[0].check(tasks[0].solution.answer.text, [*tasks[0].solution.calls, stray])
    assert all(task.check(task.solution.answer.text, task.solution.calls) for task in tasks[1:])


def test_the_same_seed_gives_the_same_tasks() -> None:
    first, second = generate_tasks(10, 20), generate_tasks(10, 20)
    assert [task.prompt for task in first] == [task.prompt for task in second]
    assert [task.solution for task in first] == [task.solution for task in second]
