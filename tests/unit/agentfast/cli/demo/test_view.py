"""What the live view draws, on terminals of several sizes."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from agentfast.cli.demo.board import AgentState, Board
from agentfast.cli.demo.view import BoardPicture, LiveView, sparkline


def drawn(board: Board, *, width: int = 120, height: int = 50) -> list[str]:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    with console.capture() as capture:
        console.print(BoardPicture(board))
    return capture.get().splitlines()


def busy_board(agents: int = 32) -> Board:
    board = Board.of(agents, 64, "a model")
    for agent in board.agents:
        agent.begin_task(f"task {agent.number}")
        agent.begin_turn()
    return board


def line_of(lines: list[str], agent: AgentState) -> str:
    return next(line for line in lines if line.split()[:1] == [str(agent.number)])


def test_every_agent_has_a_line_when_the_terminal_is_high_enough() -> None:
    board = busy_board()
    lines = drawn(board)
    assert all(f"task {agent.number} " in line_of(lines, agent) for agent in board.agents)


@pytest.mark.parametrize("height", [3, 10, 24, 37, 38, 39, 80])
@pytest.mark.parametrize("width", [20, 80, 200])
def test_the_picture_never_outgrows_the_terminal(height: int, width: int) -> None:
    lines = drawn(busy_board(), width=width, height=height)
    assert len(lines) <= max(height, 7)
    assert max(map(len, lines)) <= width


def test_agents_at_work_are_shown_before_idle_ones() -> None:
    board = busy_board()
    for agent in board.agents[:20]:
        agent.finish_task("Done.", right=True)
    lines = drawn(board, height=20)
    assert line_of(lines, board.agents[20])
    assert "more" in "".join(lines)


def test_a_line_shows_the_canvas_and_the_step() -> None:
    board = busy_board(1)
    board.agents[0].show_canvas(0, 3, [('{"id":', True), ("104\n2}", False)])
    line = line_of(drawn(board), board.agents[0])
    assert "denoise 3" in line
    assert '{"id":104 2}' in line


def test_a_canvas_that_continues_another_stands_after_what_is_settled_of_it() -> None:
    board = busy_board(1)
    agent = board.agents[0]
    agent.show_canvas(0, 1, [("The ", True), ("price ", True), ("was", False)])
    agent.show_canvas(2, 1, [("is ", False), ("7.", False)])
    assert line_of(drawn(board), agent).rstrip().endswith(" The price is 7.")


def test_calls_are_shown_by_name_with_their_arguments() -> None:
    board = busy_board(1)
    calls = ['<|call|>{"name":"get","arguments":{"id":1}}', '<|call|>{"name":"set_price","arguments":{"id"']
    board.agents[0].show_canvas(0, 1, [(call, True) for call in calls])
    assert line_of(drawn(board), board.agents[0]).rstrip().endswith(' get {"id":1} set_price {"id"')


def test_a_finished_task_shows_its_answer_and_whether_it_is_right() -> None:
    board = busy_board(2)
    board.agents[0].finish_task("The price is 7.", right=True)
    board.agents[1].finish_task("None.", right=False)
    lines = drawn(board)
    assert line_of(lines, board.agents[0]).split()[-5:] == ["right", "The", "price", "is", "7."]
    assert line_of(lines, board.agents[1]).split()[-2:] == ["wrong", "None."]


def test_a_line_shows_the_tools_that_run() -> None:
    board = busy_board(1)
    board.agents[0].run_tools(("find_order", "stock"))
    assert "find_order, stock" in line_of(drawn(board), board.agents[0])


def test_markup_in_a_prompt_is_text() -> None:
    board = busy_board(1)
    board.agents[0].begin_task("[bold]not markup[/]")
    assert "[bold]not markup[/]" in line_of(drawn(board), board.agents[0])


def test_the_head_counts_tasks_and_right_answers() -> None:
    board = busy_board(2)
    board.agents[0].finish_task("Done.", right=True)
    board.agents[1].finish_task("Blue.", right=False)
    assert "2/64 tasks, 1 right" in drawn(board)[0]


def test_the_foot_shows_the_batch() -> None:
    board = busy_board(8)
    board.occupancy.extend([0, 1, 8])
    assert "8 rows," in drawn(board)[-1]
    assert drawn(board)[-1].rstrip().endswith(" ▁█")


def test_a_sparkline_is_empty_only_for_nothing() -> None:
    assert sparkline([0, 1, 16, 32], 32) == " ▁▄█"


def test_the_live_view_leaves_the_last_state_on_the_screen() -> None:
    board = busy_board(1)
    console = Console(file=io.StringIO(), width=100, height=20, force_terminal=True, color_system=None)
    with LiveView(board, console):
        board.agents[0].finish_task("Done.", right=True)
    assert isinstance(console.file, io.StringIO)
    assert "1/64 tasks" in console.file.getvalue()
