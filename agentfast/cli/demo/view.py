"""The live terminal view of the demo, by rich: a line for each agent, and the batch below."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agentfast.cli.demo.board import Activity, AgentState, Board

CALL: Final = re.compile(r'<\|call\|>\{"name":"(?P<name>\w*)","arguments":')
BARS = " ▁▂▃▄▅▆▇█"
CHROME = 6  # lines of the view that are not agents

LABELS = {
    Activity.IDLE: ("done", "dim"),
    Activity.WAITING: ("reading", "dim"),
    Activity.DENOISING: ("denoise", "cyan"),
    Activity.TOOLS: ("tool", "yellow"),
}


class LiveView:
    """A live drawing of the board while it is entered; the last state stays on the screen."""

    def __init__(self, board: Board, console: Console | None = None) -> None:
        self._live = Live(BoardPicture(board), console=console, refresh_per_second=10, screen=False)

    def __enter__(self) -> LiveView:
        self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()


class BoardPicture:
    """A rich renderable that looks at the board each time it is drawn."""

    def __init__(self, board: Board) -> None:
        self.board = board

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = max(1, (options.height or console.height) - CHROME)
        yield Group(
            head(self.board),
            agent_table(self.board.agents, room),
            Text(),
            foot(self.board, options.max_width),
        )


def head(board: Board) -> Text:
    """The headline: numbers of agents, and of tasks done and right."""
    title = f"agentfast demo  {len(board.agents)} agents, one batch, {board.model}"
    counts = f"   {board.done}/{board.tasks} tasks, {board.right} right"
    return Text.assemble((title, "bold"), (counts, "green"), no_wrap=True, overflow="ellipsis")


def agent_table(every_agent: Sequence[AgentState], lines: int) -> Table:
    """The agents that fit into `lines` lines; those at work first when not all fit."""
    shown = list(every_agent)
    if len(shown) > lines:
        shown.sort(key=lambda agent: (agent.activity is Activity.IDLE, agent.number))
        shown = sorted(shown[: max(lines - 1, 1)], key=lambda agent: agent.number)
    table = Table(box=None, expand=True, padding=(0, 1), show_header=True, header_style="dim")
    table.add_column("#", width=3, justify="right", no_wrap=True)
    table.add_column("task", ratio=4, no_wrap=True, overflow="ellipsis")
    table.add_column("turn", width=4, justify="right", no_wrap=True)
    table.add_column("at", width=17, no_wrap=True, overflow="ellipsis")
    table.add_column("canvas", ratio=5, no_wrap=True, overflow="ellipsis")
    for agent in shown:
        table.add_row(
            str(agent.number), Text(agent.task), str(agent.turn or ""), activity(agent), canvas(agent)
        )
    if len(shown) < len(every_agent):
        table.add_row("", Text(f"and {len(every_agent) - len(shown)} more", style="dim"), "", "", "")
    return table


def activity(agent: AgentState) -> Text:
    """The agent's activity in a few words."""
    if agent.last_right is not None:
        return Text("right", style="green") if agent.last_right else Text("wrong", style="red")
    word, style = LABELS[agent.activity]
    if agent.activity is Activity.DENOISING:
        word = f"{word} {agent.step}"
    if agent.activity is Activity.TOOLS:
        word = ", ".join(agent.tools)
    return Text(word, style=style)


def canvas(agent: AgentState) -> Text:
    """The turn's text: what is settled is plain, what may still change is dim."""
    still = agent.activity is not Activity.DENOISING
    text = Text(no_wrap=True, overflow="ellipsis")
    for piece, settled in list(agent.canvas):
        text.append(piece, style="" if settled or still else "dim magenta")
    return with_short_calls(text)


def with_short_calls(text: Text) -> Text:
    """The text with calls of the JSON chat format as `name {arguments}`, so that they fit a line; in one line."""
    plain = "".join(char if char.isprintable() else " " for char in text.plain)
    text.plain = plain
    shown, end = Text(no_wrap=True, overflow="ellipsis"), 0
    for call in CALL.finditer(plain):
        shown.append_text(_without_brace(text[end : call.start()]))
        shown.append(" " if shown.plain else "")
        shown.append_text(text[call.start("name") : call.end("name")]).append(" ")
        end = call.end()
    return shown.append_text(_without_brace(text[end:]) if end else text)


def _without_brace(arguments: Text) -> Text:
    """Arguments without the brace that closes their call."""
    return arguments[:-1] if arguments.plain.endswith("}}") else arguments


def foot(board: Board, width: int) -> Text:
    """The batch: the speed so far, and the rows in the last forward passes, as far as they fit."""
    recent = list(board.occupancy)
    rows = f"{recent[-1]} rows" if recent else "no rows yet"
    speed = f" {rows}, {board.tokens_per_forward:.1f} tokens per forward pass, {board.forwards} passes "
    room = max(width - len(speed) - 5, 0)
    bars = sparkline(recent[len(recent) - min(room, len(recent)) :], len(board.agents))
    return Text.assemble(("batch", "bold"), speed, (bars, "cyan"), no_wrap=True, overflow="ellipsis")


def sparkline(values: Sequence[int], top: int) -> str:
    """Bars for counts between 0 and `top`."""
    return "".join(BARS[min(8, -(-8 * value // max(top, 1)))] for value in values)
