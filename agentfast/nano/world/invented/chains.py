"""Chains of invented tools, composed at random, to learn from: things are looked up, then something is done with them.

A thing is found by what the request says of it, by a value of another thing, or as a row of a list. Names of arguments
and fields are different throughout a chain, unless one is copied to the other, so that the declarations tell which value
belongs where. What is only read is read as soon as it can be; what is done waits until all of that is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from agentfast.messages import ToolCall
from agentfast.nano.world import words
from agentfast.nano.world.invented.arguments import Argument
from agentfast.nano.world.invented.fields import KINDS, draw_column, draw_field, draw_states
from agentfast.nano.world.invented.requests import UNKNOWN, show
from agentfast.nano.world.invented.tools import (
    GROUPS,
    InventedTool,
    actions,
    article,
    declare,
    make_tool,
    plural,
    third_person,
)
from agentfast.nano.world.phrases import draw_phrase
from agentfast.nano.world.play import Solution, Turn, error_answer
from agentfast.nano.world.scenarios.base import DONE, Answer, answer, joint
from agentfast.nano.world.splits import Split, split_of
from agentfast.nano.world.values import Values

THING = ("[the|my|our] {noun} with {with}", "the {noun} [that has|of] {with}")
THING_OF = (
    "the {noun} whose {argument} is {value}",
    "the {noun} that has the {argument} from {value}",
)
SAME_AS = ("the {noun} [with|that has] the same {argument} as {thing}",)
LIST = ("[the|my|our] {nouns} [with|of|that have] {with}", "the {nouns} [listed|found] for {with}")
WHOLE_LIST = ("[the|my|our] {nouns}",)
NTH = ("the {nth} [of|in|among] {all}", "the {nth} {noun} [of|in|among] {all}")
EXTREME = (
    "the {noun} with the {extreme} {key} [of|in|among] {all}",
    "the one [of|in|among] {all} that has the {extreme} {key}",
)
CHEAPEST = ("the {extreme} [of|in|among] {all}", "the {extreme} {noun} [of|in|among] {all}")
EQUAL = (
    "the one [of|in|among] {all} whose {key} is {value}",
    "the {noun} [with|that has] {key} {value} [of|in|among] {all}",
)
EACH_EQUAL = (
    "[each|every one] of {all} whose {key} is {value}",
    "[each|every one] of {all} that has {key} {value}",
)
EACH = ("[each|each one|every one|every single one] of {all}",)
VALUE = ("the {key} of {thing}",)
KNOWN_VALUE = (
    "the {noun}'s {key}",
    "the {key} of [the|that] {noun}",
    "the {key} found for the {noun}",
)
RETURNED = ("the {key} [that comes back|from the result|that this gives]", "the new {key}")
LOOK = ("[look up|find|get|read] {things}", "[first |]look at {things}")
ACT = (
    "{do} [a|the|my|our|one] {noun} with {with}",
    "{do} [a|the|my|our] {noun}[, using|: use|, taking] {with}",
)
ACT_ON = ("{do} {thing}",)
ACT_ON_WITH = ("{do} {thing} with {with}", "{do} {thing}[, using|: use|, taking] {with}")
ACT_FOR = (
    "for {thing}, {do} [a|one] {noun} with {with}",
    "{do} [a|one] {noun} for {thing}, with {with}",
)
ASK = ("[tell me|say|give me|show me|let me know] {value}",)
THEN = ("; then ", ", then ", ", and then ", ", and also ")


@dataclass(slots=True)
class Thing:
    """What a chain has found: one record, or several that are all treated alike.

    Attributes:
        phrase: how a request speaks of it for the first time.
        keys: fields of its records whose values may be used.
        turn: the first turn in which they are known.
        is_known: whether the request has spoken of it already.
        is_returned: whether it is what an action returned.
    """

    noun: str
    phrase: str
    keys: list[Argument]
    records: list[dict[str, Any]]
    turn: int
    many: bool = False
    is_known: bool = False
    is_returned: bool = False


@cache
def _done_with(noun: str, split: Split) -> tuple[tuple[str, str], ...]:
    """The actions of a split on a noun."""
    return tuple(purpose for purpose in actions(split) if purpose[1] == noun)


def listed(texts: Sequence[str]) -> str:
    """The texts as an enumeration: "a, b and c"."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


class ChainMaker:
    """Makes one chain: looks things up, acts, and keeps the request's parts, the tools and the calls of each turn."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.rng = values.rng
        self.tools: list[InventedTool] = []
        self.turns: list[list[tuple[ToolCall, Any]]] = []
        self.answers: list[Answer] = []
        self._taken: set[str] = set()  # names of arguments and fields
        self._nouns: set[str] = set()

    def thing(self, base: Thing | None = None) -> Thing:
        """A record, found by what the request says of it or by a value of `base`."""
        noun = self._new_noun()
        if base is None:
            arguments, stated, shown = self._stated(1, 2)
            phrase = self._phrase(THING, noun=noun, **{"with": shown})
            turn = 0
        else:
            key = self.rng.choice(base.keys)
            arguments = [self._slot(key)]
            stated = {arguments[0].name: base.records[0][key.name]}
            phrase = self._thing_of(noun, arguments[0].name, base, key)
            turn = base.turn
        keys = self._keys(noun)
        record = self._record(keys)
        tool = self._look_up(noun, arguments, keys)
        self._call(turn, tool, stated, record)
        return Thing(noun, phrase, keys, [record], turn + 1)

    def row(self, *, many: bool = False) -> Thing:
        """A row of a list, or each row that is meant."""
        rng, noun = self.rng, self._new_noun()
        fits = self._fits(noun)
        arguments, stated, shown = self._stated(0, 2)
        pattern, slots = (LIST, {"with": shown}) if arguments else (WHOLE_LIST, {})
        all_ = self._phrase(pattern, nouns=plural(noun), **slots)
        count = rng.randint(2, 4)
        fields = [
            draw_field(self.values, self._taken, fits, kind=rng.choice(("int", "int", "label", "email")))
        ]
        if rng.random() < 0.3:
            fields.append(draw_field(self.values, self._taken, fits, kind=fields[0].kind))
        columns = {field.name: draw_column(field, count, self.values) for field in fields}
        chosen, phrase, by = self._each(all_, count, fits) if many else self._choice(noun, all_, count, fits)
        shown_keys = [*fields, *(field for field, _ in by)]
        columns |= {field.name: column for field, column in by}
        rng.shuffle(shown_keys)
        records = [{key.name: columns[key.name][index] for key in shown_keys} for index in range(count)]
        tool = self._lister(noun, arguments, shown_keys)
        self._call(0, tool, stated, records)
        return Thing(noun, phrase, fields, [records[index] for index in chosen], 1, many=many)

    def read_more(self, found: Thing) -> None:
        """Look up the rows of a list one by one: what is needed of them is not in the list."""
        [key, *_] = found.keys
        keys = self._keys(found.noun)
        tool = self._look_up(found.noun, [key], keys)
        for number, record in enumerate(found.records):
            more = self._record(keys)
            self._call(found.turn, tool, {key.name: record[key.name]}, more)
            found.records[number] = record | more
        found.keys, found.turn = keys, found.turn + 1

    def act(self, things: Sequence[Thing], turn: int, *, returns: bool = False) -> tuple[str, Thing]:
        """An action that needs a value of each of these things; what it says, and what it returns."""
        rng = self.rng
        lead = next((thing for thing in things if thing.many), things[0])
        on_lead = not lead.is_returned and rng.random() < 0.5
        noun = (
            lead.noun
            if on_lead and _done_with(lead.noun, self.values.split)
            else self._new_noun(acted_on=True)
        )
        done = {tool.purpose for tool in self.tools}
        purpose = rng.choice([free for free in _done_with(noun, self.values.split) if free not in done])
        on_lead = noun == lead.noun
        copied: list[tuple[Argument, Thing, Argument]] = []
        for thing in things:
            count = 2 if len(things) == 1 and len(thing.keys) > 1 and rng.random() < 0.4 else 1
            for key in rng.sample(thing.keys, count):
                implied = on_lead and thing is lead and not any(owner is lead for _, owner, _ in copied)
                copied.append((key if implied else self._slot(key), thing, key))
        added, stated, shown = self._stated(0, 3 - len(copied))
        arguments = [*added, *(slot for slot, _, _ in copied)]
        rng.shuffle(arguments)
        kind = rng.choice(("int", "label"))
        returned = [draw_field(self.values, self._taken, self._fits(noun), kind=kind)] if returns else []
        tool = self._actor(purpose, arguments, returned)
        results: list[dict[str, Any]] = []
        for record in lead.records:
            given = {
                slot.name: (record if thing is lead else thing.records[0])[key.name]
                for slot, thing, key in copied
            }
            ordered = {argument.name: (stated | given)[argument.name] for argument in arguments}
            results.append({key.name: key.draw(self.values) for key in returned} or {"ok": True})
            self._call(turn, tool, ordered, results[-1])
        self.answers.append(DONE)
        text = self._act_phrase(purpose, lead, copied, shown, on_lead=on_lead)
        return text, Thing(noun, "", returned, results, turn + 1, is_returned=True)

    def ask(self, thing: Thing) -> str:
        """A value that the answer has to say."""
        key = self.rng.choice(thing.keys)
        self.answers.append(answer(f"The {key.name} is {{}}.", thing.records[0][key.name]))
        return self._phrase(ASK, value=self._value(thing, key))

    def look(self, things: Sequence[Thing]) -> str:
        """The request to look things up, before anything is said of their values."""
        return self._phrase(
            LOOK, things=listed([self._name(thing) for thing in things if not thing.is_known])
        )

    def solution(self) -> Solution:
        """The calls with their results up to the first error, and the answer."""
        turns = [Turn(tuple(c for c, _ in turn), tuple(r for _, r in turn)) for turn in self.turns]
        if self.rng.random() >= UNKNOWN:
            return Solution(tuple(turns), joint(*self.answers))
        number = self.rng.randrange(len(turns))
        failed = turns[number]
        place = self.rng.randrange(len(failed.calls))
        noun = next(
            tool.purpose[1] for tool in self.tools if tool.definition.name == failed.calls[place].name
        )
        sentence = f"The {noun} is {self.rng.choice(('missing', 'busy', 'locked', 'closed', 'lost'))}."
        results = tuple({"error": sentence} if i == place else r for i, r in enumerate(failed.results))
        return Solution((*turns[:number], Turn(failed.calls, results)), error_answer(sentence))

    def add_others(self, count: int) -> None:
        """Declare tools that the request does not need; none looks up what the chain does."""
        for _ in range(count):
            near = self.rng.choice(self.tools) if self.rng.random() < 0.5 else None
            other = make_tool(self.values, self.tools, near)
            if not other.is_lookup or other.purpose[1] not in self._nouns:
                self.tools.append(other)

    def _phrase(self, patterns: tuple[str, ...], **slots: str) -> str:
        return draw_phrase(patterns, self.values.split, self.rng).format_map(slots)

    def _fits(self, noun: str) -> Callable[[str], bool]:
        """Whether a field of the noun belongs to the split."""
        return lambda name: split_of(f"{name} of {noun}") == self.values.split

    def _new_noun(self, *, acted_on: bool = False) -> str:
        while True:
            noun = self.rng.choice(words.NOUNS)
            if noun not in self._nouns and (not acted_on or _done_with(noun, self.values.split)):
                self._nouns.add(noun)
                return noun

    def _stated(self, least: int, most: int) -> tuple[list[Argument], dict[str, Any], str]:
        """Arguments whose values the request says, these, and how it says them."""
        count = min(self.rng.randint(least, most), 2)
        arguments: list[Argument] = []
        for _ in range(count):
            if self.rng.random() < 0.2:
                arguments.append(draw_states(self.values, self._taken, bool)[0])
            else:
                arguments.append(draw_field(self.values, self._taken))
        stated = {argument.name: argument.draw(self.values) for argument in arguments}
        shown = [show(name, value, self.rng) for name, value in stated.items()]
        return arguments, stated, listed(shown) if shown else ""

    def _slot(self, key: Argument) -> Argument:
        """The argument that a value is copied to: called as the field is, or otherwise."""
        if self.rng.random() < 0.5:
            return key
        return draw_field(self.values, self._taken, kind=key.kind)

    def _keys(self, noun: str) -> list[Argument]:
        """Fields of a record, mostly with two of a kind."""
        fits, rng = self._fits(noun), self.rng
        keys = [draw_field(self.values, self._taken, fits)]
        if rng.random() < 0.75:
            keys.append(draw_field(self.values, self._taken, fits, kind=keys[0].kind))
        if rng.random() < 0.5:
            keys.append(draw_field(self.values, self._taken, fits))
        return keys

    def _record(self, keys: Sequence[Argument]) -> dict[str, Any]:
        """Values for the fields, in any order; those of a kind look alike."""
        columns = {
            kind: draw_column(next(key for key in keys if key.kind == kind), len(keys), self.values)
            for kind in dict.fromkeys(key.kind for key in keys)
        }
        order = self.rng.sample(keys, len(keys))
        return {key.name: columns[key.kind].pop() for key in order}

    def _choice(
        self, noun: str, all_: str, count: int, fits: Callable[[str], bool]
    ) -> tuple[list[int], str, list[tuple[Argument, list[Any]]]]:
        """Which row, how a request says so, and the columns that tell."""
        rng = self.rng
        if rng.random() < 0.25:
            index, nth = rng.choice(((0, "first"), (count - 1, "last"), (1, "second")))
            return [index], self._phrase(NTH, nth=nth, noun=noun, all=all_), []
        key = draw_field(self.values, self._taken, fits)
        column = draw_column(key, count, self.values)
        extremes = KINDS[key.kind].extremes
        if extremes and rng.random() < 0.7:
            side = rng.randrange(2)
            best = (min, max)[side](column)
            priced = key.name in ("price", "cost")
            extreme = ("cheapest", "most expensive")[side] if priced else extremes[side]
            phrase = self._phrase(
                CHEAPEST if priced else EXTREME, extreme=extreme, noun=noun, key=key.name, all=all_
            )
        else:
            best = rng.choice(column)
            phrase = self._phrase(EQUAL, noun=noun, key=key.name, value=str(best), all=all_)
        return [column.index(best)], phrase, [(key, column)]

    def _each(
        self, all_: str, count: int, fits: Callable[[str], bool]
    ) -> tuple[list[int], str, list[tuple[Argument, list[Any]]]]:
        """Which rows, at most three, how a request says so, and the columns that tell."""
        if count <= 3 and self.rng.random() < 0.4:
            return list(range(count)), self._phrase(EACH, all=all_), []
        key, options = draw_states(self.values, self._taken, fits)
        wanted, *others = options
        chosen = sorted(self.rng.sample(range(count), min(count, self.rng.randint(2, 3))))
        column = [wanted if index in chosen else self.rng.choice(others) for index in range(count)]
        return chosen, self._phrase(EACH_EQUAL, key=key.name, value=wanted, all=all_), [(key, column)]

    def _name(self, thing: Thing) -> str:
        if not thing.is_known:
            thing.is_known = True
            return thing.phrase
        return "each of them" if thing.many else f"the {thing.noun}"

    def _value(self, thing: Thing, key: Argument) -> str:
        """How the request speaks of a value; of rows that are treated alike, after it has said which."""
        if thing.is_returned:
            return self._phrase(RETURNED, key=key.name)
        if thing.many and thing.is_known:
            return f"its {key.name}"
        if thing.is_known:
            return self._phrase(KNOWN_VALUE, key=key.name, noun=thing.noun)
        return self._phrase(VALUE, key=key.name, thing=self._name(thing))

    def _thing_of(self, noun: str, argument: str, base: Thing, key: Argument) -> str:
        if argument == key.name and not base.is_returned:
            return self._phrase(SAME_AS, noun=noun, argument=argument, thing=self._name(base))
        return self._phrase(THING_OF, noun=noun, argument=argument, value=self._value(base, key))

    def _act_phrase(
        self,
        purpose: tuple[str, str],
        lead: Thing,
        copied: Sequence[tuple[Argument, Thing, Argument]],
        stated: str,
        *,
        on_lead: bool,
    ) -> str:
        group, noun = purpose
        slots = {"do": self.rng.choice(GROUPS[group]), "noun": noun}
        if on_lead or lead.many:
            slots["thing"] = self._name(lead)
        if on_lead:  # the argument that says which one need not be mentioned
            copied = [use for use in copied if use[1] is not lead or use[0] is not use[2]]
        values = [self._copied(slot, thing, key) for slot, thing, key in copied]
        slots["with"] = listed([*([stated] if stated else []), *values]) if stated or values else ""
        if on_lead:
            return self._phrase(ACT_ON_WITH if slots["with"] else ACT_ON, **slots)
        return self._phrase(ACT_FOR if lead.many else ACT, **slots)

    def _copied(self, slot: Argument, thing: Thing, key: Argument) -> str:
        value = self._value(thing, key)
        if slot is key:
            return value
        return self.rng.choice(
            (f"{value} as {slot.name}", f"{value} as the {slot.name}", f"{slot.name} from {value}")
        )

    def _call(self, turn: int, tool: InventedTool, arguments: dict[str, Any], result: Any) -> None:
        while len(self.turns) <= turn:
            self.turns.append([])
        self.turns[turn].append((ToolCall(tool.definition.name, arguments), result))

    def _look_up(self, noun: str, arguments: Sequence[Argument], keys: Sequence[Argument]) -> InventedTool:
        verb, found = (
            self.rng.choice(("Finds", "Gets", "Reads", "Returns")),
            listed([key.name for key in keys]),
        )
        by = listed([argument.name for argument in arguments])
        descriptions = (
            f"{verb} {article(noun)}.",
            f"{verb} {article(noun)} by {by}.",
            f"{verb} the {found} of {article(noun)}.",
        )
        names = (f"get_{noun}", f"find_{noun}", f"read_{noun}", f"{noun}_{keys[0].name}")
        return self._declare(names, self.rng.choice(descriptions), (keys[0].name, noun), arguments)

    def _lister(self, noun: str, arguments: Sequence[Argument], keys: Sequence[Argument]) -> InventedTool:
        nouns, found = plural(noun), listed([key.name for key in keys])
        by = f" by {listed([argument.name for argument in arguments])}" if arguments else ""
        verb = self.rng.choice(("Lists", "Finds", "Returns"))
        descriptions = (f"{verb} {nouns}{by}.", f"{verb} {nouns}{by}, with their {found}.")
        names = (f"list_{nouns}", f"find_{nouns}", f"{nouns}")
        return self._declare(names, self.rng.choice(descriptions), (keys[0].name, noun), arguments)

    def _actor(
        self, purpose: tuple[str, str], arguments: Sequence[Argument], returned: Sequence[Argument]
    ) -> InventedTool:
        (group, noun), rng = purpose, self.rng
        verb = rng.choice(GROUPS[group])
        returning = f" and returns the {returned[0].name}" if returned else ""
        names = (f"{verb}_{noun}", f"{noun}_{verb}")
        description = f"{third_person(verb)} {article(noun)}{returning}."
        return self._declare(names, description, purpose, arguments, is_lookup=False)

    def _declare(
        self,
        names: Sequence[str],
        description: str,
        purpose: tuple[str, str],
        arguments: Sequence[Argument],
        *,
        is_lookup: bool = True,
    ) -> InventedTool:
        """A tool called by one of the names, or by syllables."""
        name, values = self.rng.choice(names), self.values
        if self.rng.random() < 0.4 or any(name == tool.definition.name for tool in self.tools):
            name = f"{values.coined()}_{self.rng.choice((purpose[1], values.coined()))}"
        definition = declare(name, description, arguments)
        self.tools.append(InventedTool(definition, purpose, is_lookup, tuple(arguments), ()))
        return self.tools[-1]


def make_chain(values: Values) -> tuple[str, Solution, list[InventedTool]]:
    """A request without politeness, its solution, and the tools in no order."""
    rng, maker = values.rng, ChainMaker(values)
    things = _things(maker)
    seen = [maker.look(things)] if rng.random() < (0.5 if len(things) > 1 else 0.3) else []
    turn = max(thing.turn for thing in things)
    parts = _actions(maker, things, turn)
    if not parts:
        parts = [maker.ask(thing) for thing in things]
    elif not things[0].many and rng.random() < 0.2:
        parts.append(maker.ask(rng.choice(things)))
    maker.add_others(rng.choices((0, 1, 2), (35, 40, 25))[0])
    text = "".join(
        part if number == 0 else rng.choice(THEN) + part for number, part in enumerate([*seen, *parts])
    )
    return text, maker.solution(), maker.tools


def _things(maker: ChainMaker) -> list[Thing]:
    """What a chain looks up: a thing, a row or several of a list, or two things; one that names another comes first."""
    rng = maker.rng
    match rng.choices(("thing", "row", "each", "thing of", "two"), (16, 26, 22, 18, 18))[0]:
        case "thing":
            return [maker.thing()]
        case "row":
            things = [maker.row()]
        case "each":
            things = [maker.row(many=True)]
        case "thing of":
            base = maker.row() if rng.random() < 0.4 else maker.thing()
            thing = maker.thing(base)
            return [thing, base] if rng.random() < 0.4 else [thing]
        case _:
            return [maker.row() if rng.random() < 0.35 else maker.thing() for _ in range(2)]
    if rng.random() < 0.3 and len(things[0].records) <= 2:
        maker.read_more(things[0])
    return things


def _actions(maker: ChainMaker, things: list[Thing], turn: int) -> list[str]:
    """What is done with the things: one action, two at once, one after the other, or none."""
    rng = maker.rng
    if things[0].many:
        return [maker.act(things, turn)[0]]
    if rng.random() < 0.1:
        return []
    if rng.random() < 0.2:
        text, result = maker.act(things, turn, returns=True)
        if rng.random() < 0.5:
            return [text, maker.act([result], result.turn)[0]]
        return [text, maker.ask(maker.thing(result))]
    uses = [things]
    if rng.random() < 0.35:
        uses = [things[:1], things[-1:]]
    return [maker.act(use, turn)[0] for use in uses]
