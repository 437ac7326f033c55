"""Invented tools: purpose, name, parameters and result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from agentfast.nano.shop import words
from agentfast.nano.shop.splits import Split, split_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.invented.arguments import Argument, draw_arguments
from agentfast.tools.definition import ToolDefinition


@dataclass(frozen=True, slots=True)
class InventedTool:
    """A tool that does something ("Rents a boat.") or looks something up ("Finds the price of a boat.").

    Attributes:
        purpose: its identity: (verb group, noun) or (key, noun).
        keys: of its result; a look-up's first key is the one asked for.
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
def actions_on(noun: str, split: Split) -> tuple[tuple[str, str], ...]:
    """The actions of the split on a noun."""
    return tuple(purpose for purpose in actions(split) if purpose[1] == noun)


@cache
def lookups(split: Split) -> tuple[tuple[str, str], ...]:
    """(key, noun) pairs of the split."""
    return tuple(
        (key, noun)
        for key in words.RESULT_KEYS
        for noun in words.NOUNS
        if split_of(f"{key} of {noun}") == split
    )


GROUPS = {group[0]: group for group in words.VERB_GROUPS}


_LOOKUP_VERBS = ("Finds", "Gets", "Reads", "Returns", "Looks up")


def third_person(verb: str) -> str:
    """The verb as a description begins with it: "Rents" for "rent"."""
    return _with_s(verb).capitalize()


_PLURALS = {"goose": "geese", "shelf": "shelves", "potato": "potatoes", "tomato": "tomatoes"}


def plural(noun: str) -> str:
    """The noun as a list of them is called."""
    return _PLURALS.get(noun) or _with_s(noun)


def _with_s(word: str) -> str:
    if word.endswith(("s", "sh", "ch", "x", "z")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def article(noun: str) -> str:
    """The noun with a or an."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def declare(name: str, description: str, arguments: Sequence[Argument]) -> ToolDefinition:
    """The declaration of a tool with these parameters."""
    parameters = {
        "type": "object",
        "properties": {argument.name: argument.schema for argument in arguments},
        "required": [argument.name for argument in arguments if argument.required],
        "additionalProperties": False,
    }
    return ToolDefinition(name, description, parameters)


def make_tool(
    values: Values, avoid: Sequence[InventedTool] = (), near: InventedTool | None = None
) -> InventedTool:
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
    arguments = draw_arguments(values)
    keys = list(dict.fromkeys([purpose[0]] if is_lookup else []))
    keys += [key for key in rng.sample(words.RESULT_KEYS, rng.randint(0, 2)) if key not in keys]
    description, name = _words_for(values, purpose, is_lookup=is_lookup)
    if name in {tool.definition.name for tool in avoid}:
        name = f"{values.coined()}_{values.coined()}"
    return InventedTool(declare(name, description, arguments), purpose, is_lookup, arguments, tuple(keys))


def tool_with(
    values: Values, purpose: tuple[str, str], arguments: tuple[Argument, ...], *, is_lookup: bool
) -> InventedTool:
    """A new tool of that purpose with those parameters."""
    description, name = _words_for(values, purpose, is_lookup=is_lookup)
    rng = values.rng
    keys = [purpose[0]] if is_lookup else []
    keys += [key for key in rng.sample(words.RESULT_KEYS, rng.randint(0, 1)) if key not in keys]
    return InventedTool(declare(name, description, arguments), purpose, is_lookup, arguments, tuple(keys))


def _words_for(values: Values, purpose: tuple[str, str], *, is_lookup: bool) -> tuple[str, str]:
    """Description and name. Half of the names say what the tool does, half are syllables."""
    rng, (what, noun) = values.rng, purpose
    if is_lookup:
        description = f"{rng.choice(_LOOKUP_VERBS)} the {what} of {article(noun)}."
        name = rng.choice((f"{noun}_{what}", f"get_{noun}_{what}", f"{what}_of_{noun}"))
    else:
        verb = rng.choice(GROUPS[what])
        description = f"{third_person(verb)} {article(noun)}."
        name = rng.choice((f"{verb}_{noun}", f"{noun}_{verb}"))
    if rng.random() < 0.5:
        name = rng.choice(
            (f"{values.coined()}_{values.coined()}", values.coined(), f"{values.coined()}_{noun}")
        )
    return description, name
