"""A chain in the making."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentfast.messages import ToolCall
from agentfast.nano.shop import words
from agentfast.nano.shop.splits import split_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import Solution, Turn, error_answer
from agentfast.nano.tasks.invented.arguments import Argument
from agentfast.nano.tasks.invented.fields import draw_field, draw_states
from agentfast.nano.tasks.invented.requests import UNKNOWN, unavailable
from agentfast.nano.tasks.invented.tools import InventedTool, actions_on, declare, make_tool
from agentfast.nano.tasks.scenarios.base import Answer, joint


@dataclass(frozen=True, slots=True)
class Step:
    """A call of a tool with its result."""

    tool: InventedTool
    arguments: dict[str, Any]
    result: Any

    @property
    def call(self) -> ToolCall:
        return ToolCall(self.tool.definition.name, self.arguments)


@dataclass(slots=True)
class Draft:
    """An unfinished chain. Its nouns, and the names of its arguments and fields, are drawn once each.

    Attributes:
        parts: of the request, in order.
        tools: those that are called, then others.
        turns: steps that are made together.
        answers: the parts of the final answer.
    """

    values: Values
    parts: list[str] = field(default_factory=list[str])
    tools: list[InventedTool] = field(default_factory=list[InventedTool])
    turns: list[list[Step]] = field(default_factory=list[list[Step]])
    answers: list[Answer] = field(default_factory=list[Answer])
    _names: set[str] = field(default_factory=set[str])
    _nouns: set[str] = field(default_factory=set[str])

    @property
    def rng(self) -> random.Random:
        return self.values.rng

    def new_noun(self, *, acted_on: bool = False) -> str:
        """A new noun; if it is acted on, one that the split has actions on."""
        while True:
            noun = self.rng.choice(words.NOUNS)
            if noun not in self._nouns and (not acted_on or actions_on(noun, self.values.split)):
                self._nouns.add(noun)
                return noun

    def new_field(self, noun: str | None = None, kind: str | None = None) -> Argument:
        """A new field of the noun, or a new argument; of any kind if None."""
        return draw_field(self.values, self._names, self._fits(noun), kind=kind)

    def new_states(self, noun: str | None = None) -> tuple[Argument, list[str]]:
        """A new field of the noun, or a new argument, with one of a few words, and these words."""
        return draw_states(self.values, self._names, self._fits(noun))

    def argument_for(self, source: Argument) -> Argument:
        """The argument that a value of a field is copied to: called as the field is, or otherwise."""
        return source if self.rng.random() < 0.5 else self.new_field(kind=source.kind)

    def declare(
        self,
        names: Sequence[str],
        description: str,
        purpose: tuple[str, str],
        arguments: Sequence[Argument],
        *,
        is_lookup: bool = True,
    ) -> InventedTool:
        """A new tool, called by one of the names or by syllables."""
        values, rng = self.values, self.rng
        name = rng.choice(names)
        if rng.random() < 0.4 or any(name == tool.definition.name for tool in self.tools):
            name = f"{values.coined()}_{rng.choice((purpose[1], values.coined()))}"
        definition = declare(name, description, arguments)
        self.tools.append(InventedTool(definition, purpose, is_lookup, tuple(arguments), ()))
        return self.tools[-1]

    def declare_others(self, count: int) -> None:
        """Tools that the request does not need; none looks up what the chain does."""
        for _ in range(count):
            near = self.rng.choice(self.tools) if self.rng.random() < 0.5 else None
            other = make_tool(self.values, self.tools, near)
            if not other.is_lookup or other.purpose[1] not in self._nouns:
                self.tools.append(other)

    def call(self, turn: int, tool: InventedTool, arguments: dict[str, Any], result: Any) -> None:
        """Have the tool called in that turn."""
        while len(self.turns) <= turn:
            self.turns.append([])
        self.turns[turn].append(Step(tool, arguments, result))

    def solution(self) -> Solution:
        """The calls with their results up to the first error, and the answer."""
        turns = [Turn(tuple(s.call for s in turn), tuple(s.result for s in turn)) for turn in self.turns]
        if self.rng.random() >= UNKNOWN:
            return Solution(tuple(turns), joint(*self.answers))
        last = self.rng.randrange(len(turns))
        place = self.rng.randrange(len(turns[last].calls))
        sentence = unavailable(self.turns[last][place].tool.purpose[1], self.rng)
        results = list(turns[last].results)
        results[place] = {"error": sentence}
        return Solution((*turns[:last], Turn(turns[last].calls, tuple(results))), error_answer(sentence))

    def _fits(self, noun: str | None) -> Callable[[str], bool]:
        """True if a field of the noun belongs to the split; arguments all do."""
        return lambda name: noun is None or split_of(f"{name} of {noun}") == self.values.split
