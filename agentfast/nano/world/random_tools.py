"""Random tools: made-up names, arguments and results, so that a model has to read the declarations."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from agentfast.messages import ToolCall
from agentfast.nano.world import words
from agentfast.nano.world.phrases import draw_phrase, polite, polite_pair
from agentfast.nano.world.play import Solution, Turn, error_answer
from agentfast.nano.world.scenarios.base import DONE, Answer
from agentfast.nano.world.splits import Split, split_of
from agentfast.nano.world.values import Values
from agentfast.tools.definition import ToolDefinition


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter: its schema and how to draw a value for it."""

    name: str
    kind: str
    schema: dict[str, Any]
    draw: Callable[[Values], Any]
    required: bool = True


@dataclass(frozen=True, slots=True)
class RandomTool:
    """A tool that does something ("Rents a boat.") or looks something up ("Finds the price of a boat.").

    Attributes:
        purpose: what tells it from others: (verb group, noun) or (key, noun).
        keys: of its result; a look-up's first key is what it is asked for.
    """

    definition: ToolDefinition
    purpose: tuple[str, str]
    is_lookup: bool
    arguments: tuple[Argument, ...]
    keys: tuple[str, ...]


@cache
def actions(split: Split) -> tuple[tuple[str, str], ...]:
    """(first verb of a group, noun) pairs of the split: no pair of one split occurs in the other."""
    return tuple(
        (group[0], noun)
        for group in words.VERB_GROUPS
        for noun in words.NOUNS
        if split_of(f"{group[0]} {noun}") == split
    )


@cache
def lookups(split: Split) -> tuple[tuple[str, str], ...]:
    """(key, noun) pairs of the split."""
    return tuple(
        (key, noun)
        for key in words.RESULT_KEYS
        for noun in words.NOUNS
        if split_of(f"{key} of {noun}") == split
    )


_GROUP = {group[0]: group for group in words.VERB_GROUPS}
_LOOKUP_VERBS = ("Finds", "Gets", "Reads", "Returns", "Looks up")


def third_person(verb: str) -> str:
    """ "rent" -> "Rents"."""
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        form = verb + "es"
    elif verb.endswith("y") and verb[-2] not in "aeiou":
        form = verb[:-1] + "ies"
    else:
        form = verb + "s"
    return form.capitalize()


def article(noun: str) -> str:
    """The noun with a or an."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _integer(values: Values) -> int:
    return values.number(*values.rng.choice(((2, 99), (100, 999), (1000, 9999))))


def _string(values: Values) -> str:
    match values.rng.randrange(4):
        case 0:
            return values.first_name()
        case 1:
            return values.city()
        case 2:
            return values.pick(words.NOUNS)
        case _:
            return values.coined()


def _words(values: Values) -> list[str]:
    count = values.rng.randint(2, 3)
    return [values.pick(words.NOUNS) if values.rng.random() < 0.6 else values.coined() for _ in range(count)]


def _integers(values: Values) -> list[int]:
    return [_integer(values) for _ in range(values.rng.randint(2, 3))]


_KINDS: tuple[tuple[str, tuple[str, ...], dict[str, Any], Callable[[Values], Any]], ...] = (
    ("int", words.INT_ARGS, {"type": "integer"}, _integer),
    ("str", words.STR_ARGS, {"type": "string"}, _string),
    ("num", words.INT_ARGS, {"type": "number"}, Values.price),
    ("date", words.DATE_ARGS, {"type": "string", "format": "date"}, Values.date),
    ("time", words.TIME_ARGS, {"type": "string"}, Values.time),
    ("email", ("email", "contact", "sender"), {"type": "string", "format": "email"}, Values.email),
    ("bool", words.BOOL_ARGS, {"type": "boolean"}, lambda values: values.rng.random() < 0.5),
    ("strs", words.LIST_ARGS, {"type": "array", "items": {"type": "string"}}, _words),
    ("ints", words.INTS_ARGS, {"type": "array", "items": {"type": "integer"}}, _integers),
    ("enum", words.ENUM_ARGS, {}, lambda values: None),
)
_MEANT: dict[str, Callable[[Values], Any]] = {
    "city": Values.city,
    "place": Values.city,
    "person": Values.first_name,
    "owner": Values.first_name,
    "author": Values.person,
}
_WEIGHTS = (22, 24, 9, 8, 6, 5, 9, 5, 3, 12)


def _argument(values: Values, taken: set[str], *, may_be_optional: bool) -> Argument:
    rng = values.rng
    kind, names, schema, draw = rng.choices(_KINDS, _WEIGHTS)[0]
    while True:
        name = values.coined() if rng.random() < 0.3 else rng.choice(names)
        if name not in taken:
            taken.add(name)
            break
    if kind == "enum":
        options = values.sample(words.ENUM_VALUES, rng.randint(2, 4))
        schema = {"type": "string", "enum": options}
        return Argument(name, kind, schema, lambda v: v.rng.choice(options), not may_be_optional)
    draw = _MEANT.get(name, draw) if kind == "str" else draw
    return Argument(name, kind, schema, draw, required=not may_be_optional)


def make_tool(values: Values, avoid: Sequence[RandomTool] = (), near: RandomTool | None = None) -> RandomTool:
    """A new tool. Its purpose differs from those of `avoid`; `near` makes it share a noun or verb with that one."""
    rng, split = values.rng, values.split
    is_lookup = near.is_lookup if near else rng.random() < 0.4
    pool = lookups(split) if is_lookup else actions(split)
    taken = {tool.purpose for tool in avoid}
    side = rng.randrange(2)
    if near:
        pool = tuple(p for p in pool if p[side] == near.purpose[side]) or pool
    purpose = rng.choice(pool)
    for _ in range(20):
        if purpose not in taken:
            break
        purpose = rng.choice(lookups(split) if is_lookup else actions(split))
    arguments = _arguments(values)
    keys = list(dict.fromkeys([purpose[0]] if is_lookup else []))
    keys += [key for key in rng.sample(words.RESULT_KEYS, rng.randint(0, 2)) if key not in keys]
    properties = {argument.name: argument.schema for argument in arguments}
    parameters = {
        "type": "object",
        "properties": properties,
        "required": [argument.name for argument in arguments if argument.required],
        "additionalProperties": False,
    }
    description, name = _words_for(values, purpose, is_lookup=is_lookup)
    if name in {tool.definition.name for tool in avoid}:
        name = f"{values.coined()}_{values.coined()}"
    return RandomTool(
        ToolDefinition(name, description, parameters), purpose, is_lookup, arguments, tuple(keys)
    )


def _arguments(values: Values) -> tuple[Argument, ...]:
    rng = values.rng
    count = rng.choices((0, 1, 2, 3, 4), (4, 30, 36, 22, 8))[0]
    taken: set[str] = set()
    required = [_argument(values, taken, may_be_optional=False) for _ in range(count)]
    if count and rng.random() < 0.3:
        required.append(_argument(values, taken, may_be_optional=True))
    return tuple(required)


def _words_for(values: Values, purpose: tuple[str, str], *, is_lookup: bool) -> tuple[str, str]:
    """Description and name. Half of the names say what the tool does, half are syllables."""
    rng, (what, noun) = values.rng, purpose
    if is_lookup:
        description = f"{rng.choice(_LOOKUP_VERBS)} the {what} of {article(noun)}."
        name = rng.choice((f"{noun}_{what}", f"get_{noun}_{what}", f"{what}_of_{noun}"))
    else:
        verb = rng.choice(_GROUP[what])
        description = f"{third_person(verb)} {article(noun)}."
        name = rng.choice((f"{verb}_{noun}", f"{noun}_{verb}"))
    if rng.random() < 0.5:
        name = rng.choice(
            (f"{values.coined()}_{values.coined()}", values.coined(), f"{values.coined()}_{noun}")
        )
    return description, name


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


def _show(name: str, value: Any, rng: random.Random) -> str:
    """A value as a request mentions it, with its argument's name."""
    if isinstance(value, bool):
        word = ("true", "yes", "on") if value else ("false", "no", "off")
        return f"{name} {rng.choice(word)}"
    if isinstance(value, list):
        items = [str(item) for item in cast("list[object]", value)]
        text = f"{', '.join(items[:-1])} and {items[-1]}"
        return rng.choice((f"{name} {text}", f"{name}: {text}", f"the {name} {text}"))
    forms = ("{0} {1}", "{0} {1}", "{0}: {1}", "{0} = {1}", "the {0} {1}", "{1} as {0}", "{1} as the {0}")
    return rng.choice(forms).format(name, value)


def _mention(tool: Sequence[Argument], arguments: dict[str, Any], rng: random.Random) -> str:
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
    shown = [_show(name, value, rng) for name, value in named.items()]
    if not shown:
        return implied
    if rng.random() < 0.4:
        rng.shuffle(shown)
    last = f" {rng.choice(('and', 'and with'))} {shown[-1]}"
    joined = shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + last
    return implied + rng.choice((" with ", " with ", ", ", " using ", ": ", ", use ")) + joined


def _implied(argument: Argument) -> str:
    """What kind of thing a value is recognised as: its type, or for a string its argument's name."""
    if argument.kind != "str":
        return argument.kind
    return {"city": "city", "place": "city", "person": "person", "owner": "person"}.get(argument.name, "str")


def arguments_for(tool: RandomTool, values: Values) -> dict[str, Any]:
    """Values for all required arguments and half of the optional ones."""
    return {
        argument.name: argument.draw(values)
        for argument in tool.arguments
        if argument.required or values.rng.random() < 0.5
    }


def request_for(tool: RandomTool, arguments: dict[str, Any], values: Values) -> str:
    """The core of a request that this tool serves with these arguments."""
    what, noun = tool.purpose
    core = draw_phrase(LOOKUP_PATTERNS if tool.is_lookup else ACTION_PATTERNS, values.split, values.rng)
    verb = what if tool.is_lookup else values.rng.choice(_GROUP[what])
    return core.format_map(
        {"do": verb, "key": what, "noun": noun, "with": _mention(tool.arguments, arguments, values.rng)}
    )


def random_request(values: Values) -> str:
    """A request for some tool that nobody declares."""
    tool = make_tool(values)
    return request_for(tool, arguments_for(tool, values), values)


def result_for(tool: RandomTool, values: Values) -> dict[str, Any]:
    """A made-up result; now and then an error."""
    rng = values.rng
    if rng.random() < UNKNOWN:
        return {
            "error": f"The {tool.purpose[1]} is {rng.choice(('missing', 'busy', 'locked', 'closed', 'lost'))}."
        }
    if not tool.keys:
        return {"ok": True}
    return {key: _value(values) for key in tool.keys}


UNKNOWN = 0.04


def _value(values: Values) -> Any:
    draws = (_integer, _integer, _string, Values.price, Values.date)
    return values.rng.choice(draws)(values)


def answer_for(tool: RandomTool, result: dict[str, Any], wanted: str | None) -> Answer:
    """What to say of a result: the error, the value that was asked for, or that it is done."""
    if "error" in result:
        return error_answer(str(result["error"]))
    if wanted is None:
        return DONE
    return Answer(f"The {wanted} is {result[wanted]}.", (str(result[wanted]),))


@dataclass(frozen=True, slots=True)
class RandomTask:
    """A request for random tools, the declarations that it is made with, and its solution."""

    request: str
    tools: tuple[ToolDefinition, ...]
    solution: Solution


def make_task(values: Values) -> RandomTask:
    """One call mostly; sometimes two at once, two in a row, or none because no tool fits."""
    rng = values.rng
    style = rng.choices(("one", "two", "chain", "none"), (68, 14, 13, 5))[0]
    tool = make_tool(values)
    tools = [tool]
    for _ in range(rng.choices((0, 1, 2, 3, 4), (15, 25, 30, 20, 10))[0]):
        tools.append(make_tool(values, tools, tool if rng.random() < 0.35 else None))
    match style:
        case "two":
            request, solution, tools = _two(tool, tools, values)
        case "chain":
            request, solution, tools = _chain(tool, tools, values)
        case "none":
            request = polite(request_for(tool, arguments_for(tool, values), values), rng)
            tools = tools[1:] or [make_tool(values, tools)]
            solution = Solution((), NO_TOOL)
        case _:
            request, solution = _one(tool, values)
    rng.shuffle(tools)
    return RandomTask(request, tuple(made.definition for made in tools), solution)


NO_TOOL = Answer("No tool can do that.", ("No tool can do that",))


def _wanted(tool: RandomTool, rng: random.Random) -> str | None:
    if tool.is_lookup:
        return tool.keys[0]
    return rng.choice(tool.keys) if tool.keys and rng.random() < 0.4 else None


def _one(tool: RandomTool, values: Values) -> tuple[str, Solution]:
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


def _two(tool: RandomTool, tools: list[RandomTool], values: Values) -> tuple[str, Solution, list[RandomTool]]:
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


def _chain(_: RandomTool, tools: list[RandomTool], values: Values) -> tuple[str, Solution, list[RandomTool]]:
    """A look-up whose value is an argument of an action."""
    rng, split = values.rng, values.split
    key, noun = rng.choice(lookups(split))
    verb, other = rng.choice(actions(split))
    finder = _tool_with(values, (key, noun), _arguments(values)[:2], is_lookup=True)
    slot = Argument(rng.choice(words.STR_ARGS + words.INT_ARGS), *rng.choice(_CHAINED))
    actor = _tool_with(values, (verb, other), (slot,), is_lookup=False)
    arguments = arguments_for(finder, values)
    value = slot.draw(values)
    core = draw_phrase(CHAIN_PATTERNS, split, rng).format_map(
        {
            "key": key,
            "noun": noun,
            "with": _mention(finder.arguments, arguments, rng),
            "slot": slot.name,
            "do": rng.choice(_GROUP[verb]),
            "other": other,
        }
    )
    found = {finder_key: _value(values) for finder_key in finder.keys} | {key: value}
    first = Turn((ToolCall(finder.definition.name, arguments),), (found,))
    result = result_for(actor, values)
    second = Turn((ToolCall(actor.definition.name, {slot.name: value}),), (result,))
    rest = [made for made in tools[1:3] if made.purpose not in {finder.purpose, actor.purpose}]
    solution = Solution((first, second), answer_for(actor, result, None))
    return polite(core, rng), solution, [finder, actor, *rest]


_CHAINED: tuple[tuple[str, dict[str, Any], Callable[[Values], Any]], ...] = (
    ("int", {"type": "integer"}, _integer),
    ("str", {"type": "string"}, _string),
    ("num", {"type": "number"}, Values.price),
)


def _tool_with(
    values: Values, purpose: tuple[str, str], arguments: tuple[Argument, ...], *, is_lookup: bool
) -> RandomTool:
    description, name = _words_for(values, purpose, is_lookup=is_lookup)
    parameters = {
        "type": "object",
        "properties": {argument.name: argument.schema for argument in arguments},
        "required": [argument.name for argument in arguments if argument.required],
        "additionalProperties": False,
    }
    rng = values.rng
    keys = [purpose[0]] if is_lookup else []
    keys += [key for key in rng.sample(words.RESULT_KEYS, rng.randint(0, 1)) if key not in keys]
    return RandomTool(
        ToolDefinition(name, description, parameters), purpose, is_lookup, arguments, tuple(keys)
    )


__all__ = ["NO_TOOL", "RandomTask", "RandomTool", "make_task", "make_tool", "random_request"]
