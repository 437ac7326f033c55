"""Actions of a chain on the things that it has found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentfast.nano.tasks.invented.arguments import Argument
from agentfast.nano.tasks.invented.chains.draft import Draft
from agentfast.nano.tasks.invented.chains.phrases import ACT, ACT_FOR, ACT_ON, ACT_ON_WITH, say
from agentfast.nano.tasks.invented.chains.records import draw_stated
from agentfast.nano.tasks.invented.chains.things import Thing, say_value
from agentfast.nano.tasks.invented.tools import GROUPS, InventedTool, actions_on, article, third_person
from agentfast.nano.tasks.phrases import listed
from agentfast.nano.tasks.scenarios.base import DONE


@dataclass(frozen=True, slots=True)
class Copy:
    """A value that an action takes from a thing.

    Attributes:
        field: of the thing's records.
        argument: of the action; it may be the field itself.
    """

    thing: Thing
    field: Argument
    argument: Argument


def act(draft: Draft, things: Sequence[Thing], turn: int, *, returns: bool = False) -> Thing:
    """Add an action that takes a value of each of these things, once for each record; returns its result as a thing."""
    rng = draft.rng
    lead = next((thing for thing in things if thing.many), things[0])
    purpose = _purpose(draft, lead)
    noun = purpose[1]
    copies = _copies(draft, things, lead if noun == lead.noun else None)
    stated = draw_stated(draft, 0, 3 - len(copies))
    arguments = [*stated.arguments, *(copy.argument for copy in copies)]
    rng.shuffle(arguments)
    kind = rng.choice(("int", "label"))
    fields = [draft.new_field(noun, kind)] if returns else []
    tool = _declare_actor(draft, purpose, arguments, fields)
    results: list[dict[str, Any]] = []
    for record in lead.records:
        given = stated.given | {
            copy.argument.name: (record if copy.thing is lead else copy.thing.records[0])[copy.field.name]
            for copy in copies
        }
        results.append({field.name: field.draw(draft.values) for field in fields} or {"ok": True})
        draft.call(turn, tool, {argument.name: given[argument.name] for argument in arguments}, results[-1])
    draft.answers.append(DONE)
    draft.parts.append(_say_action(draft, purpose, lead, copies, stated.phrase))
    return Thing(noun, "", fields, results, turn + 1, is_returned=True)


def _purpose(draft: Draft, lead: Thing) -> tuple[str, str]:
    """Verb and object of an action: the lead itself or something new, and no action twice."""
    split = draft.values.split
    on_lead = not lead.is_returned and draft.rng.random() < 0.5 and actions_on(lead.noun, split)
    noun = lead.noun if on_lead else draft.new_noun(acted_on=True)
    done = {tool.purpose for tool in draft.tools}
    return draft.rng.choice([purpose for purpose in actions_on(noun, split) if purpose not in done])


def _copies(draft: Draft, things: Sequence[Thing], acted_on: Thing | None) -> list[Copy]:
    """A value of each thing, or two of the only one. The first value of the target identifies it."""
    copies: list[Copy] = []
    for thing in things:
        two = len(things) == 1 and len(thing.fields) > 1 and draft.rng.random() < 0.4
        for number, field in enumerate(draft.rng.sample(thing.fields, 2 if two else 1)):
            is_told = thing is acted_on and number == 0
            copies.append(Copy(thing, field, field if is_told else draft.argument_for(field)))
    return copies


def _declare_actor(
    draft: Draft, purpose: tuple[str, str], arguments: Sequence[Argument], fields: Sequence[Argument]
) -> InventedTool:
    """A tool that does something, and may return something."""
    group, noun = purpose
    verb = draft.rng.choice(GROUPS[group])
    returning = f" and returns the {fields[0].name}" if fields else ""
    description = f"{third_person(verb)} {article(noun)}{returning}."
    return draft.declare(
        (f"{verb}_{noun}", f"{noun}_{verb}"), description, purpose, arguments, is_lookup=False
    )


def _say_action(
    draft: Draft, purpose: tuple[str, str], lead: Thing, copies: Sequence[Copy], stated: str
) -> str:
    """The request's words for an action."""
    group, noun = purpose
    slots = {"do": draft.rng.choice(GROUPS[group]), "noun": noun}
    on_lead = noun == lead.noun
    if on_lead or lead.many:
        slots["thing"] = lead.mention()
    if on_lead:  # what tells which one it is need not be mentioned
        copies = [copy for copy in copies if copy.thing is not lead or copy.argument is not copy.field]
    said = [_say_copy(draft, copy) for copy in copies]
    slots["with"] = listed([stated, *said] if stated else said)
    if on_lead:
        return say(ACT_ON_WITH if slots["with"] else ACT_ON, draft.values, **slots)
    return say(ACT_FOR if lead.many else ACT, draft.values, **slots)


def _say_copy(draft: Draft, copy: Copy) -> str:
    """A value with the name of its argument, unless the names are equal."""
    value = say_value(copy.thing, copy.field, draft.values)
    if copy.argument is copy.field:
        return value
    name = copy.argument.name
    return draft.rng.choice((f"{value} as {name}", f"{value} as the {name}", f"{name} from {value}"))
