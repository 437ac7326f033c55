"""Episodes: whole conversations with gold calls, real results and gold answers, to train on."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agentfast.nano.world import scenarios
from agentfast.nano.world.database import Shop
from agentfast.nano.world.desks import DESKS, Desk, definitions, functions_of
from agentfast.nano.world.extraction import make_extraction
from agentfast.nano.world.phrases import draw_phrase, fill, polite, polite_pair
from agentfast.nano.world.play import Solution, play, together
from agentfast.nano.world.random_tools import NO_TOOL, make_task, random_request
from agentfast.nano.world.scenarios import Draw, Kind, Rows, Scenario
from agentfast.nano.world.splits import Split
from agentfast.nano.world.values import Values
from agentfast.tools.definition import ToolDefinition

MIX: Mapping[Kind, float] = {
    "single": 0.30,
    "parallel": 0.10,
    "chain": 0.25,
    "no_tool": 0.05,
    "random": 0.25,
    "extract": 0.05,
}
EPISODES_PER_SHOP = 50
WHOLE_DESK = 0.6  # how often an episode declares its desk's whole toolset in the usual order
RANDOM_INSTRUCTIONS = ("You use tools.", "Use the tools.", "Help with the tools.", "You are a helper.")
EXTRACT_INSTRUCTIONS = ("Extract the fields.", "Read out the fields.", "Fill in the fields.")


@dataclass(frozen=True, slots=True)
class Episode:
    """A finished conversation.

    Attributes:
        desk: the desk it belongs to, "" for random tools and extraction.
        tools: what the model is told it may call.
        messages: system, user, then calls and results in turns, and the final text.
        expected: what a right final answer contains.
        output_schema: JSON Schema of the final answer, for extraction.
    """

    kind: Kind
    desk: str
    tools: tuple[ToolDefinition, ...]
    messages: tuple[Message, ...]
    expected: tuple[str, ...]
    output_schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a desk and its solution."""

    text: str
    desk: Desk
    solution: Solution


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario played: its request without politeness, whether words may follow it, and the values it mentions."""

    core: str
    open_end: bool
    solution: Solution
    values: set[str]


def dump(value: Any) -> str:
    """Compact JSON, as tool results stand in messages."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def episodes(seed: int, split: Split = "train", mix: Mapping[Kind, float] | None = None) -> Iterator[Episode]:
    """An endless stream of episodes; the same seed gives the same ones."""
    maker = EpisodeMaker(random.Random(f"{seed}/{split}"), split)
    mix = MIX if mix is None else mix
    kinds, weights = tuple(mix), tuple(mix.values())
    while True:
        yield maker.make(maker.rng.choices(kinds, weights)[0])


class EpisodeMaker:
    """Makes episodes one by one. Each plays on a shop that is put back afterwards and replaced every now and then."""

    def __init__(self, rng: random.Random, split: Split) -> None:
        self.rng = rng
        self.split: Split = split
        self.values = Values(rng, split)
        self._made = 0
        self._new_shop()

    def make(self, kind: Kind) -> Episode:
        """The next episode, of that kind."""
        if self._made == EPISODES_PER_SHOP:
            self._shop.close()
            self._new_shop()
            self._made = 0
        self._made += 1
        match kind:
            case "no_tool":
                return self._no_tool()
            case "random":
                task = make_task(self.values)
                instructions = self.rng.choice(RANDOM_INSTRUCTIONS)
                return build(kind, "", instructions, task.tools, task.request, task.solution)
            case "extract":
                return self._extract()
            case _:
                request = self.request(kind)
                tools = self._toolset(request.desk, {call.name for call in request.solution.calls})
                return build(
                    kind,
                    request.desk.name,
                    self._instructions(request.desk),
                    tools,
                    request.text,
                    request.solution,
                )

    def request(self, kind: Kind, desk: str | None = None) -> Request:
        """A request of the shop kinds (single, parallel, chain), played and put back."""
        rng = self.rng
        if kind == "parallel" and rng.random() < 0.4:
            return self._two_singles(desk)
        chosen = rng.choice(scenarios.of(kind, desk))
        played = self._play(chosen)
        return Request(
            polite(played.core, rng, open_end=played.open_end), DESKS[chosen.desk], played.solution
        )

    def _new_shop(self) -> None:
        self._shop = Shop.generate(self.rng, self.split)
        self._rows = Rows(self._shop)
        self._functions = functions_of(self._shop)

    def _play(self, chosen: Scenario) -> Played:
        draw = Draw(self.rng, self.split, self._rows, self.values)
        template = draw_phrase(chosen.patterns, self.split, self.rng)
        with self._shop.rollback():
            solution = play(chosen.script(draw), self._functions)
        # Text that is to be sent stands at the end: nothing may follow it.
        open_end = not template.endswith(("{text}", '"'))
        return Played(
            fill(template, draw.slots), open_end, solution, {str(slot) for slot in draw.slots.values()}
        )

    def _two_singles(self, desk: str | None) -> Request:
        """Two requests of one desk together; their calls go out in one turn."""
        rng = self.rng
        name = desk or rng.choice(tuple(DESKS))
        while True:
            first = self._play(rng.choice(scenarios.of("single", name)))
            second = self._play(rng.choice(scenarios.of("single", name)))
            # Requests about the same row could disturb each other.
            if first.open_end and not first.values & second.values:
                text = polite_pair(first.core, second.core, rng, open_end=second.open_end)
                return Request(text, DESKS[name], together(first.solution, second.solution))

    def _instructions(self, desk: Desk) -> str:
        return desk.instructions[0] if self.rng.random() < 0.6 else self.rng.choice(desk.instructions)

    def _toolset(self, desk: Desk, needed: set[str]) -> tuple[ToolDefinition, ...]:
        """The desk's whole toolset, or what is needed and some others in any order."""
        known = definitions()
        if self.rng.random() < WHOLE_DESK:
            return tuple(known[name] for name in desk.tools)
        others = [name for name in desk.tools if name not in needed]
        names = [*sorted(needed), *self.rng.sample(others, self.rng.randint(0, min(3, len(others))))]
        self.rng.shuffle(names)
        return tuple(known[name] for name in names)

    def _no_tool(self) -> Episode:
        """A request that no declared tool serves: of no desk, of another desk, or with a needed tool missing."""
        rng = self.rng
        desk = rng.choice(tuple(DESKS.values()))
        tools = self._toolset(desk, {rng.choice(desk.tools)})
        match rng.choices(("random", "foreign", "missing"), (35, 40, 25))[0]:
            case "random":
                text = polite(random_request(self.values), rng)
            case "foreign":
                text = self._foreign(desk)
            case _:
                request = self.request(rng.choice(("single", "chain")), desk.name)
                missing = rng.choice(request.solution.calls).name
                tools = tuple(tool for tool in tools if tool.name != missing)
                text = request.text
        return build("no_tool", desk.name, self._instructions(desk), tools, text, Solution((), NO_TOOL))

    def _foreign(self, desk: Desk) -> str:
        """A request of another desk that needs a tool this desk lacks."""
        while True:
            request = self.request(self.rng.choice(("single", "single", "chain")))
            if not all(call.name in desk.tools for call in request.solution.calls):
                return request.text

    def _extract(self) -> Episode:
        made = make_extraction(self.values)
        messages = (
            SystemMessage(self.rng.choice(EXTRACT_INSTRUCTIONS)),
            UserMessage(made.text),
            AssistantMessage(dump(made.record)),
        )
        return Episode("extract", "", (), messages, (dump(made.record),), made.schema)


def build(
    kind: Kind,
    desk: str,
    instructions: str,
    tools: tuple[ToolDefinition, ...],
    text: str,
    solution: Solution,
) -> Episode:
    """The conversation of a solution."""
    messages: list[Message] = [SystemMessage(instructions), UserMessage(text)]
    for turn in solution.turns:
        messages.append(AssistantMessage(calls=turn.calls))
        messages += (
            ToolMessage(dump(result), call.name)
            for call, result in zip(turn.calls, turn.results, strict=True)
        )
    messages.append(AssistantMessage(solution.answer.text))
    return Episode(kind, desk, tools, tuple(messages), solution.answer.expected)
