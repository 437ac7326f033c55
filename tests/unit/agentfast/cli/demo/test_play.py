"""The demo's run on a scripted model: what counts as right, as valid, and what the board shows."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from agentfast.cli.demo.board import AgentState, Board
from agentfast.cli.demo.play import play, spans
from agentfast.cli.demo.report import TaskResult
from agentfast.errors import ModelError
from agentfast.messages import Message, ToolCall, UserMessage, assistant_turns
from agentfast.models.base import CanvasState
from agentfast.models.scripted import ScriptedModel
from agentfast.nano.tasks import Task, generate_tasks


@pytest.fixture(scope="module")
def tasks() -> list[Task]:
    return generate_tasks(0, 12)


def perfect(tasks: Sequence[Task]) -> ScriptedModel:
    """Plays every task's own solution."""
    solutions = {task.prompt: task.solution for task in tasks}

    def answer(messages: Sequence[Message]) -> str | Sequence[ToolCall]:
        prompt = next(message.text for message in messages if isinstance(message, UserMessage))
        solution = solutions[prompt]
        turn = assistant_turns(messages)
        return solution.turns[turn].calls if turn < len(solution.turns) else solution.answer.text

    return ScriptedModel(answer)


async def test_right_answers_are_counted_in_the_order_of_the_tasks() -> None:
    tasks = generate_tasks(1, 12)
    board = Board.of(4, len(tasks), "scripted")
    told: list[tuple[AgentState, TaskResult]] = []
    results = await play(
        perfect(tasks), tasks, board, listener=lambda agent, result: told.append((agent, result))
    )
    assert [result.prompt for result in results] == [task.prompt for task in tasks]
    assert all(result.right for result in results)
    assert not any(result.invalid_calls for result in results)
    assert (board.done, board.right, len(told)) == (12, 12, 12)


async def test_a_wrong_answer_is_not_right(tasks: list[Task]) -> None:
    results = await play(ScriptedModel(["Blue."]), tasks, Board.of(2, len(tasks), "scripted"))
    assert not any(result.right for result in results)


async def test_a_run_that_fails_is_a_wrong_answer(tasks: list[Task]) -> None:
    model = ScriptedModel([ModelError("the model is tired")])
    results = await play(model, tasks, Board.of(2, len(tasks), "scripted"))
    assert all(result.answer == "ModelError: the model is tired" and not result.right for result in results)


async def test_invalid_calls_are_counted_even_if_the_answer_follows(tasks: list[Task]) -> None:
    model = ScriptedModel([[ToolCall("no_such_tool", {}), ToolCall("find_customer", {"id": "x"})], "Done."])
    results = await play(model, tasks[:1], Board.of(1, 1, "scripted"))
    assert (results[0].calls, results[0].invalid_calls) == (2, 2)


@pytest.mark.parametrize("committed", [False, True])
def test_the_canvas_is_shown_up_to_its_end(committed: bool) -> None:
    canvas = CanvasState(0, 2, ("a", "b", "<|end|>", "c"), (True, False, True, True), committed)
    assert list(spans(canvas)) == [("a", True), ("b", committed)]
