"""Tasks for invented tools: one call, two at once, a chain, or none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentfast.messages import ToolCall
from agentfast.nano.shop import words
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import Solution, Turn
from agentfast.nano.tasks.invented.arguments import Argument, draw_arguments, integer, string
from agentfast.nano.tasks.invented.chains import make_chain
from agentfast.nano.tasks.invented.requests import (
    answer_for,
    arguments_for,
    mention,
    request_for,
    result_for,
    some_value,
)
from agentfast.nano.tasks.invented.tools import GROUPS, InventedTool, actions, lookups, make_tool, tool_with
from agentfast.nano.tasks.phrases import draw_phrase, polite, polite_pair
from agentfast.nano.tasks.scenarios.base import Answer
from agentfast.tools.definition import ToolDefinition


@dataclass(frozen=True, slots=True)
class InventedTask:
    """A request for random tools, the declarations that it is made with, and its solution."""

    request: str
    tools: tuple[ToolDefinition, ...]
    solution: Solution


SHARES: dict[Split, tuple[int, int, int, int]] = {"train": (50, 14, 31, 5), "test": (68, 14, 13, 5)}
"""Relative frequencies of tasks with one call, two at once, a chain, and none."""

COMPOSED = 0.85  # of the chains for training; the others are made as those of tests are

INVENTED_INSTRUCTIONS = ("You use tools.", "Use the tools.", "Help with the tools.", "You are a helper.")
"""Wordings of the instructions of an agent with invented tools; the first is the usual one."""

NO_TOOL = Answer("No tool can do that.", ("No tool can do that",))


def make_task(values: Values) -> InventedTask:
    """One call mostly; sometimes two at once, a chain, or none because no tool fits."""
    rng = values.rng
    style = rng.choices(("one", "two", "chain", "none"), SHARES[values.split])[0]
    tool = make_tool(values)
    tools = [tool]
    for _ in range(rng.choices((0, 1, 2, 3, 4), (15, 25, 30, 20, 10))[0]):
        tools.append(make_tool(values, tools, tool if rng.random() < 0.35 else None))
    match style:
        case "two":
            request, solution, tools = _two(tool, tools, values)
        case "chain" if values.split == "train" and rng.random() < COMPOSED:
            core, solution, tools = make_chain(values)
            request = polite(core, rng)
        case "chain":
            request, solution, tools = _chain(tool, tools, values)
        case "none":
            request = polite(request_for(tool, arguments_for(tool, values), values), rng)
            tools = tools[1:] or [make_tool(values, tools)]
            solution = Solution((), NO_TOOL)
        case _:
            request, solution = _one(tool, values)
    rng.shuffle(tools)
    return InventedTask(request, tuple(made.definition for made in tools), solution)


def _wanted(tool: InventedTool, rng: random.Random) -> str | None:
    if tool.is_lookup:
        return tool.keys[0]
    return rng.choice(tool.keys) if tool.keys and rng.random() < 0.4 else None


def _one(tool: InventedTool, values: Values) -> tuple[str, Solution]:
    arguments = arguments_for(tool, values)
    request = request_for(tool, arguments, values)
    wanted = _wanted(tool, values.rng)
    if wanted and not tool.is_lookup:
        ask = values.rng.choice(
            (", and tell me the {}", ", then say the {}", " and give me the {}", ", i need the {}")
        )
        request = request.removesuffix(".") + ask.format(wanted) + ("." if request.endswith(".") else "")
    result = result_for(tool, values)
    turn = Turn((ToolCall(tool.definition.name, arguments),), (result,))
    return polite(request, values.rng), Solution((turn,), answer_for(tool, result, wanted))


def _two(
    tool: InventedTool, tools: list[InventedTool], values: Values
) -> tuple[str, Solution, list[InventedTool]]:
    """Two independent calls in one turn: of one tool, or of two."""
    other = tool if len(tools) == 1 or values.rng.random() < 0.3 else tools[1]
    pairs = [(made, arguments_for(made, values)) for made in (tool, other)]
    if pairs[0][1] == pairs[1][1] and other is tool:
        pairs = pairs[:1]
    requests = [request_for(made, arguments, values) for made, arguments in pairs]
    if len(requests) == 1:
        request = polite(requests[0], values.rng)
    else:
        request = polite_pair(requests[0], requests[1], values.rng)
    results = [result_for(made, values) for made, _ in pairs]
    answers = [
        answer_for(made, result, made.keys[0] if made.is_lookup else None)
        for (made, _), result in zip(pairs, results, strict=True)
    ]
    errors = [text for text, result in zip(answers, results, strict=True) if "error" in result]
    texts = dict.fromkeys(text.text for text in answers)
    combined = errors[0] if errors else Answer(" ".join(texts), sum((text.expected for text in answers), ()))
    calls = tuple(ToolCall(made.definition.name, arguments) for made, arguments in pairs)
    return request, Solution((Turn(calls, tuple(results)),), combined), tools


CHAIN_PATTERNS = (
    "[find|get|look up|take|read] the {key} of [a|the|this|my|our] {noun}{with}, then use it as {slot} to {do} [a|the] {other}",
    "{do} [a|the|my|our] {other} with {slot} from the {key} of [a|the|this|my|our] {noun}{with}",
    "{do} [a|the|my|our] {other}, the {slot} is the {key} of [a|the|this|my|our] {noun}{with}",
    "[|now ]use as {slot} the {key} of [a|the|this|my|our] {noun}{with}, [and|then] {do} [a|the] {other}",
)


_CHAINED: tuple[tuple[str, dict[str, Any], Callable[[Values], Any]], ...] = (
    ("int", {"type": "integer"}, integer),
    ("str", {"type": "string"}, string),
    ("num", {"type": "number"}, Values.price),
)


def _chain(
    _: InventedTool, tools: list[InventedTool], values: Values
) -> tuple[str, Solution, list[InventedTool]]:
    """A look-up whose value is an argument of an action."""
    rng, split = values.rng, values.split
    key, noun = rng.choice(lookups(split))
    verb, other = rng.choice(actions(split))
    finder = tool_with(values, (key, noun), draw_arguments(values)[:2], is_lookup=True)
    slot = Argument(rng.choice(words.STR_ARGS + words.INT_ARGS), *rng.choice(_CHAINED))
    actor = tool_with(values, (verb, other), (slot,), is_lookup=False)
    arguments = arguments_for(finder, values)
    value = slot.draw(values)
    core = draw_phrase(CHAIN_PATTERNS, split, rng).format_map(
        {
            "key": key,
            "noun": noun,
            "with": mention(finder.arguments, arguments, rng),
            "slot": slot.name,
            "do": rng.choice(GROUPS[verb]),
            "other": other,
        }
    )
    found = {finder_key: some_value(values) for finder_key in finder.keys} | {key: value}
    first = Turn((ToolCall(finder.definition.name, arguments),), (found,))
    result = result_for(actor, values)
    second = Turn((ToolCall(actor.definition.name, {slot.name: value}),), (result,))
    purposes = {finder.purpose, actor.purpose}
    names = {finder.definition.name, actor.definition.name}
    rest = [made for made in tools[1:3] if made.purpose not in purposes and made.definition.name not in names]
    solution = Solution((first, second), answer_for(actor, result, None))
    return polite(core, rng), solution, [finder, actor, *rest]
