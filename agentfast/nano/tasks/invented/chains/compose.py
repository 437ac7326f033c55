"""Whole chains: look-ups, actions, and values for the answer."""

from __future__ import annotations

from collections.abc import Sequence

from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.invented.chains.actions import act
from agentfast.nano.tasks.invented.chains.draft import Draft
from agentfast.nano.tasks.invented.chains.lists import find_rows
from agentfast.nano.tasks.invented.chains.lookups import find_thing, find_thing_of, read_more
from agentfast.nano.tasks.invented.chains.phrases import ASK, LOOK, THEN, say
from agentfast.nano.tasks.invented.chains.things import Thing, say_value
from agentfast.nano.tasks.invented.tools import InventedTool
from agentfast.nano.tasks.phrases import listed
from agentfast.nano.tasks.scenarios.base import answer


def make_chain(values: Values) -> tuple[str, Solution, list[InventedTool]]:
    """A request without politeness, its solution, and the tools in no order."""
    rng, draft = values.rng, Draft(values)
    things = _find(draft)
    if rng.random() < (0.5 if len(things) > 1 else 0.3):
        _look(draft, things)
    _use(draft, things)
    draft.declare_others(rng.choices((0, 1, 2), (35, 40, 25))[0])
    first, *others = draft.parts
    text = first + "".join(rng.choice(THEN) + part for part in others)
    return text, draft.solution(), draft.tools


def _find(draft: Draft) -> list[Thing]:
    """A thing, a row or several of a list, or two things; one that names another comes first."""
    rng = draft.rng
    match rng.choices(("thing", "row", "each", "thing of", "two"), (16, 26, 22, 18, 18))[0]:
        case "thing":
            return [find_thing(draft)]
        case "thing of":
            base = find_rows(draft) if rng.random() < 0.4 else find_thing(draft)
            thing = find_thing_of(draft, base)
            return [thing, base] if rng.random() < 0.4 else [thing]
        case "two":
            return [find_rows(draft) if rng.random() < 0.35 else find_thing(draft) for _ in range(2)]
        case rows:
            found = find_rows(draft, many=rows == "each")
            if rng.random() < 0.3 and len(found.records) <= 2:
                read_more(draft, found)
            return [found]


def _look(draft: Draft, things: Sequence[Thing]) -> None:
    """Request to look things up, before anything is said of their values."""
    unknown = [thing for thing in things if not thing.is_known]
    draft.parts.append(say(LOOK, draft.values, things=listed([thing.mention() for thing in unknown])))


def _use(draft: Draft, things: Sequence[Thing]) -> None:
    """Do one thing, two at once, one after the other, or only ask."""
    rng, turn = draft.rng, max(thing.turn for thing in things)
    if things[0].many:
        act(draft, things, turn)
        return
    if rng.random() < 0.1:
        for thing in things:
            _ask(draft, thing)
        return
    if rng.random() < 0.2:
        result = act(draft, things, turn, returns=True)
        if rng.random() < 0.5:
            act(draft, [result], result.turn)
        else:
            _ask(draft, find_thing_of(draft, result))
    elif rng.random() < 0.35:
        act(draft, things[:1], turn)
        act(draft, things[-1:], turn)
    else:
        act(draft, things, turn)
    if rng.random() < 0.2:
        _ask(draft, rng.choice(things))


def _ask(draft: Draft, thing: Thing) -> None:
    """Request a value that the answer has to say."""
    field = draft.rng.choice(thing.fields)
    draft.answers.append(answer(f"The {field.name} is {{}}.", thing.records[0][field.name]))
    draft.parts.append(say(ASK, draft.values, value=say_value(thing, field, draft.values)))
