"""Requests that invented tools serve, their results, and the answers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, cast

from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import error_answer
from agentfast.nano.tasks.invented.arguments import Argument, integer, string
from agentfast.nano.tasks.invented.tools import GROUPS, InventedTool, make_tool
from agentfast.nano.tasks.phrases import draw_phrase, listed
from agentfast.nano.tasks.scenarios.base import DONE, Answer

ACTION_PATTERNS = (
    "{do} [a|the|this|my|our] {noun}{with}",
    "i [want|need|have|would like] to {do} [a|the|my] {noun}{with}.",
    "[we|i] [should|must|will] {do} [a|the|this|my|our] {noun}{with}.",
    "take [a|the|this|my|our] {noun} and {do} it{with}",
    "[it is time to|let us] {do} [a|the|this|my|our] {noun}{with}.",
)


LOOKUP_PATTERNS = (
    "what is the {key} of [a|the|this|my|our] {noun}{with}?",
    "[tell me|give me|show me|look up|find|check|say] the {key} of [a|the|this|my|our] {noun}{with}",
    "i [want|need|would like] [|to know |to see ]the {key} of [a|the|this|my|our] {noun}{with}.",
    "[which|what] {key} does [a|the|this|my|our] {noun} have{with}?",
)


# How a value is mentioned without its argument's name, when nothing else of the call could be meant.
_IMPLICIT = {"date": "on {}", "time": "at {}", "email": "to {}", "city": "in {}", "person": "for {}"}


def show(name: str, value: Any, rng: random.Random) -> str:
    """A value as a request mentions it, with its argument's name."""
    if isinstance(value, bool):
        word = ("true", "yes", "on") if value else ("false", "no", "off")
        return f"{name} {rng.choice(word)}"
    if isinstance(value, list):
        text = listed([str(item) for item in cast("list[object]", value)])
        return rng.choice((f"{name} {text}", f"{name}: {text}", f"the {name} {text}"))
    forms = ("{0} {1}", "{0} {1}", "{0}: {1}", "{0} = {1}", "the {0} {1}", "{1} as {0}", "{1} as the {0}")
    return rng.choice(forms).format(name, value)


def mention(tool: Sequence[Argument], arguments: dict[str, Any], rng: random.Random) -> str:
    """The arguments as the tail of a request: " on 2025-03-04 with size 12 and color red"."""
    if len(tool) == 1 == len(arguments) and tool[0].kind in ("int", "str") and rng.random() < 0.3:
        return f" {arguments[tool[0].name]}"
    kinds = [_implied(argument) for argument in tool]
    implied, named = "", dict[str, Any]()
    for argument, kind in zip(tool, kinds, strict=True):
        if argument.name not in arguments:
            continue
        if kind in _IMPLICIT and kinds.count(kind) == 1 and rng.random() < 0.5:
            implied += " " + _IMPLICIT[kind].format(arguments[argument.name])
        else:
            named[argument.name] = arguments[argument.name]
    shown = [show(name, value, rng) for name, value in named.items()]
    if not shown:
        return implied
    if rng.random() < 0.4:
        rng.shuffle(shown)
    last = f" {rng.choice(('and', 'and with'))} {shown[-1]}"
    joined = shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + last
    return implied + rng.choice((" with ", " with ", ", ", " using ", ": ", ", use ")) + joined


def _implied(argument: Argument) -> str:
    """The apparent kind of a value: its type, or for a string its argument's name."""
    if argument.kind != "str":
        return argument.kind
    return {"city": "city", "place": "city", "person": "person", "owner": "person"}.get(argument.name, "str")


def arguments_for(tool: InventedTool, values: Values) -> dict[str, Any]:
    """Values for all required arguments and half of the optional ones."""
    return {
        argument.name: argument.draw(values)
        for argument in tool.arguments
        if argument.required or values.rng.random() < 0.5
    }


def request_for(tool: InventedTool, arguments: dict[str, Any], values: Values) -> str:
    """The core of a request that this tool serves with these arguments."""
    what, noun = tool.purpose
    core = draw_phrase(LOOKUP_PATTERNS if tool.is_lookup else ACTION_PATTERNS, values.split, values.rng)
    verb = what if tool.is_lookup else values.rng.choice(GROUPS[what])
    return core.format_map(
        {"do": verb, "key": what, "noun": noun, "with": mention(tool.arguments, arguments, values.rng)}
    )


def random_request(values: Values) -> str:
    """A request for some tool that nobody declares."""
    tool = make_tool(values)
    return request_for(tool, arguments_for(tool, values), values)


UNKNOWN = 0.04


def unavailable(noun: str, rng: random.Random) -> str:
    """The sentence of an error."""
    return f"The {noun} is {rng.choice(('missing', 'busy', 'locked', 'closed', 'lost'))}."


def result_for(tool: InventedTool, values: Values) -> dict[str, Any]:
    """A made-up result; now and then an error."""
    rng = values.rng
    if rng.random() < UNKNOWN:
        return {"error": unavailable(tool.purpose[1], rng)}
    if not tool.keys:
        return {"ok": True}
    return {key: some_value(values) for key in tool.keys}


def some_value(values: Values) -> Any:
    draws = (integer, integer, string, Values.price, Values.date)
    return values.rng.choice(draws)(values)


def answer_for(tool: InventedTool, result: dict[str, Any], wanted: str | None) -> Answer:
    """The answer to a result: the error, the value that was asked for, or "Done"."""
    if "error" in result:
        return error_answer(str(result["error"]))
    if wanted is None:
        return DONE
    return Answer(f"The {wanted} is {result[wanted]}.", (str(result[wanted]),))
