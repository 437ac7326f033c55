"""Episodes: whole conversations with gold calls, real results and gold answers, to train on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentfast.chat.json_signature import dump_json
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, Desk, definitions
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.invented.requests import random_request
from agentfast.nano.tasks.invented.tasks import INVENTED_INSTRUCTIONS, NO_TOOL, make_task
from agentfast.nano.tasks.phrases import polite
from agentfast.nano.tasks.requests import RequestMaker
from agentfast.nano.tasks.scenarios import Kind
from agentfast.nano.training.corpus.extraction import make_extraction
from agentfast.nano.training.corpus.requests import TrainingRequestMaker
from agentfast.tools.definition import ToolDefinition

MIX: Mapping[Kind, float] = {
    "single": 0.08,
    "parallel": 0.10,
    "chain": 0.54,
    "no_tool": 0.06,
    "random": 0.20,
    "extract": 0.02,
}
EPISODES_PER_SHOP = 50
WHOLE_DESK = 0.6  # how often an episode declares its desk's whole toolset in the usual order
EXTRACT_INSTRUCTIONS = ("Extract the fields.", "Read out the fields.", "Fill in the fields.")


@dataclass(frozen=True, slots=True)
class Episode:
    """A finished conversation.

    Attributes:
        desk: the desk it belongs to, "" for random tools and extraction.
        tools: the declarations that the model sees.
        messages: system, user, then calls and results in turns, and the final text.
        expected: values that a right final answer contains.
        output_schema: JSON Schema of the final answer, for extraction.
    """

    kind: Kind
    desk: str
    tools: tuple[ToolDefinition, ...]
    messages: tuple[Message, ...]
    expected: tuple[str, ...]
    output_schema: dict[str, Any] | None = None


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
        self._requests = self._new_requests()

    def make(self, kind: Kind) -> Episode:
        """The next episode, of that kind."""
        if self._made == EPISODES_PER_SHOP:
            self._requests.shop.close()
            self._requests = self._new_requests()
            self._made = 0
        self._made += 1
        match kind:
            case "no_tool":
                return self._no_tool()
            case "random":
                task = make_task(self.values)
                instructions = self.rng.choice(INVENTED_INSTRUCTIONS)
                return build(kind, "", instructions, task.tools, task.request, task.solution)
            case "extract":
                return self._extract()
            case _:
                request = self._requests.make(kind)
                tools = self._toolset(request.desk, {call.name for call in request.solution.calls})
                return build(
                    kind,
                    request.desk.name,
                    self._instructions(request.desk),
                    tools,
                    request.text,
                    request.solution,
                )

    def _new_requests(self) -> RequestMaker:
        shop = Shop.generate(self.rng, self.split)
        maker = TrainingRequestMaker if self.split == "train" else RequestMaker
        return maker(shop, self.rng, self.split)

    def _instructions(self, desk: Desk) -> str:
        return desk.instructions[0] if self.rng.random() < 0.6 else self.rng.choice(desk.instructions)

    def _toolset(self, desk: Desk, needed: set[str]) -> tuple[ToolDefinition, ...]:
        """The desk's whole toolset, or the needed tools and some others in any order."""
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
                text = self._requests.foreign(desk)
            case _:
                request = self._requests.make(rng.choice(("single", "chain")), desk.name)
                missing = rng.choice(request.solution.calls).name
                tools = tuple(tool for tool in tools if tool.name != missing)
                text = request.text
        return build("no_tool", desk.name, self._instructions(desk), tools, text, Solution((), NO_TOOL))

    def _extract(self) -> Episode:
        made = make_extraction(self.values)
        messages = (
            SystemMessage(self.rng.choice(EXTRACT_INSTRUCTIONS)),
            UserMessage(made.text),
            AssistantMessage(dump_json(made.record)),
        )
        return Episode("extract", "", (), messages, (dump_json(made.record),), made.schema)


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
            ToolMessage(dump_json(result), call.name)
            for call, result in zip(turn.calls, turn.results, strict=True)
        )
    messages.append(AssistantMessage(solution.answer.text))
    return Episode(kind, desk, tools, tuple(messages), solution.answer.expected)
