"""The composer of requests of one or two clauses, never of a held-out shape."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, pairwise
from typing import Any

from agentfast.messages import ToolCall
from agentfast.nano.tasks.phrases import draw_alternatives, fill, mood_of, phrasings
from agentfast.nano.tasks.scenarios.base import (
    DONE,
    SCENARIOS,
    Answer,
    Draw,
    Script,
    answer,
    call,
    joint,
    listing,
    split_of_shape,
)
from agentfast.nano.tasks.scenarios.chains.compose import merged, merged_turns, side_by_side
from agentfast.nano.training.corpus.composed.clauses import DEEDS, QUESTIONS, REMOVES, Deed, Question
from agentfast.nano.training.corpus.composed.mentions import Found, Mention, UnfitError, Value, field_of
from agentfast.nano.training.corpus.composed.speaker import FIELDS, LITERALS, Speaker

MOST_CALLS = 6
SECOND_CLAUSE = 0.5
ASKED = 0.2  # share of clauses that are questions
SEVERAL = 0.12  # how often a deed is done to all rows of a list
BOTH = 0.5  # how often one is done to two rows alike, where the words fit two and it is not done to a list
ALONE_AGAIN = 0.6  # how often a request that speaks of one row or list only is drawn again
IT = 0.3  # how often a second order speaks of the first one's row as "it"


@dataclass(frozen=True, slots=True)
class Composition:
    """A request in words, one template and core for each clause, and the script that serves it.

    `mirror` is the same request with two of its rows exchanged, if it speaks of two that can be.
    """

    templates: tuple[str, ...]
    cores: tuple[str, ...]
    script: Script
    shape: str
    tools: frozenset[str]
    open_end: bool
    mirror: Composition | None = None


@dataclass(frozen=True, slots=True)
class _Clause:
    """A clause in words that are still alternatives, with its arguments; the target's is "id".

    A deed done to two rows is two clauses, the second one without words.
    """

    what: Deed | Question
    pattern: str
    values: Mapping[str, Value]
    target: Mention | None

    def with_exchanged(self, changed: Mapping[Mention, Mention]) -> _Clause:
        """The clause with each mention replaced by its counterpart."""
        phrases = {mention.phrase: other.phrase for mention, other in changed.items()}
        either = "|".join(map(re.escape, phrases))
        return replace(
            self,
            pattern=re.sub(either, lambda match: phrases[match[0]], self.pattern),
            values={
                name: replace(value, mention=changed.get(value.mention, value.mention))
                if value.mention
                else value
                for name, value in self.values.items()
            },
            target=changed.get(self.target, self.target) if self.target else None,
        )


def compose(draw: Callable[[], Draw], desk: str, allowed: Set[str]) -> Composition:
    """A request to a desk that the allowed tools serve, in more than one turn.

    Args:
        draw: a new one for each try.
    """
    while True:
        composer = _Composer(draw(), desk)
        try:
            made = composer.compose()
        except UnfitError:
            continue
        if not _is_to_learn(made, allowed):
            continue
        mirror = composer.mirror()
        return replace(made, mirror=mirror) if mirror and _is_to_learn(mirror, allowed) else made


def _is_to_learn(made: Composition, allowed: Set[str]) -> bool:
    several_turns = " > " in made.shape
    return several_turns and made.tools <= allowed and split_of_shape(made.shape) == "train"


def bare(template: str) -> str:
    """A template whose slots have no names."""
    return re.sub(r"\{\w+\}", "{}", template)


@cache
def held_out_words() -> frozenset[str]:
    """All phrasings that are for tests, their slots without names."""
    return frozenset(bare(phrase) for made in SCENARIOS for phrase in phrasings(made.patterns, "test"))


class _Composer:
    def __init__(self, draw: Draw, desk: str) -> None:
        self.draw = draw
        self.rng: random.Random = draw.rng
        self.speaker = Speaker(draw)
        self.deeds = tuple(deed for deed in DEEDS if desk in ("", deed.desk))
        self.questions = tuple(question for question in QUESTIONS if desk in ("", question.desk))
        self._clauses: list[_Clause] = []

    def compose(self) -> Composition:
        """A request of one or two clauses.

        Raises:
            UnfitError: the draw does not go together.
        """
        first, second = self._clause([]), list[_Clause]()
        if self.rng.random() < SECOND_CLAUSE:
            second = self._clause(first)
        if second and _ends_in_text(first[0].pattern):
            raise UnfitError("what follows would belong to the text")
        clauses = self._clauses = [*first, *second]
        if len(self.speaker.mentions) == 1 and self.rng.random() < ALONE_AGAIN:
            raise UnfitError("too simple")
        return self._composition(self.speaker.mentions, clauses)

    def mirror(self) -> Composition | None:
        """The last composition with two rows of a kind exchanged, in the words of another draw; None if there is none."""
        mentions = self.speaker.mentions
        alike = [{one.target, other.target} for one, other in pairwise(self._clauses) if not other.pattern]
        pairs = [
            pair for pair in combinations(mentions, 2) if _can_be_exchanged(*pair) and set(pair) not in alike
        ]
        if not pairs:
            return None
        first, second = self.rng.choice(pairs)
        changed = {first: replace(second, needed=set()), second: replace(first, needed=set())}
        try:
            for before, after in changed.items():
                for name in before.needed:
                    after.need(name)
            clauses = [clause.with_exchanged(changed) for clause in self._clauses]
            return self._composition([changed.get(mention, mention) for mention in mentions], clauses)
        except UnfitError:
            return None

    def _composition(self, spoken_of: Sequence[Mention], clauses: Sequence[_Clause]) -> Composition:
        mentions = _in_order(spoken_of, " ".join(clause.pattern for clause in clauses))
        shape, calls = _shape(mentions, clauses)
        if calls > MOST_CALLS:
            raise UnfitError(shape)
        templates = [self._template(clause) for clause in clauses if clause.pattern]
        if bare(" and ".join(templates)) in held_out_words():
            raise UnfitError(shape)
        return Composition(
            tuple(templates),
            tuple(fill(template, self.draw.slots) for template in templates),
            _script(mentions, clauses),
            shape,
            frozenset(re.sub(r"\([^)]*\)", "", shape).replace(" > ", "+").split("+")),
            not _ends_in_text(templates[-1]),
        )

    def _template(self, clause: _Clause) -> str:
        template = draw_alternatives(clause.pattern, self.draw.split, self.rng)
        if template is None or bare(template) in held_out_words():
            raise UnfitError(clause.pattern)
        return template

    def _clause(self, before: Sequence[_Clause]) -> list[_Clause]:
        """One part of the request, after the clauses `before`."""
        if self.rng.random() < ASKED:
            return [self._question(self.rng.choice(self.questions))]
        tools = sorted({deed.tool for deed in self.deeds})
        tool = self.rng.choice(tools)
        return self._deed(self.rng.choice([deed for deed in self.deeds if deed.tool == tool]), before)

    def _question(self, asked: Question) -> _Clause:
        mention = self.speaker.several(asked.noun) if asked.several else self.speaker.mention(asked.noun)
        value = field_of(mention, asked.field)
        pattern = self.rng.choice(asked.patterns).replace("<it>", value.phrase)
        return _Clause(asked, pattern, {"it": value}, mention)

    def _deed(self, deed: Deed, before: Sequence[_Clause]) -> list[_Clause]:
        pattern = self.rng.choice(deed.patterns)
        targets, phrase = self._targets(deed, pattern, before) if deed.target else ((), "")
        others = {name: self.speaker.mention(noun) for name, noun in deed.others.items()}
        values: dict[str, Value] = {}
        for name, kind in deed.arguments.items():
            other, _, source = kind.partition(".")
            if kind == "same":
                continue
            values[name] = field_of(others[other], source) if other in others else self._value(kind)
            if values[name].mention in targets:
                raise UnfitError("its own")
        said = {"id": phrase, **{name: value.phrase for name, value in values.items()}}
        said |= {name: other.phrase for name, other in others.items()}
        for name, words in said.items():
            pattern = pattern.replace(f"<{name}>", words)
        own = [name for name, kind in deed.arguments.items() if kind == "same"]
        found = [{**values, **{name: field_of(target, name) for name in own}} for target in targets]
        return [
            _Clause(deed, "" if i else pattern, each, target)
            for i, (target, each) in enumerate(zip(targets or (None,), found or [values], strict=True))
        ]

    def _targets(
        self, deed: Deed, pattern: str, before: Sequence[_Clause]
    ) -> tuple[tuple[Mention, ...], str]:
        """The target rows of a deed, and the phrase for them."""
        if len(before) == 1 and self._may_be_it(deed, pattern, before[0]) and self.rng.random() < IT:
            assert before[0].target is not None
            return (before[0].target,), "it"
        targets: tuple[Mention, ...]
        if self.rng.random() < SEVERAL:
            targets = (self.speaker.several(deed.target),)
        elif not pattern.startswith("<id>") and self.rng.random() < BOTH:
            targets = (self.speaker.mention(deed.target), self.speaker.mention(deed.target))
            if targets[0] is targets[1]:
                raise UnfitError("done twice")
        else:
            targets = (self.speaker.mention(deed.target),)
        for clause in before:
            if not _go_together(clause.what, deed) and any(_may_meet(clause.target, t) for t in targets):
                raise UnfitError("done twice")
        for target in targets:
            target.need("id")
        phrase = " and ".join(target.phrase for target in targets)
        return targets, f"[|both ]{phrase}" if len(targets) > 1 else phrase

    @staticmethod
    def _may_be_it(deed: Deed, pattern: str, first: _Clause) -> bool:
        """True if "it" can stand for the target of the first clause's deed."""
        if not isinstance(first.what, Deed) or first.target is None or first.target.several:
            return False
        orders = mood_of(pattern) == mood_of(first.pattern) == "order"
        return orders and first.target.noun == deed.target and _go_together(first.what, deed)

    def _value(self, kind: str) -> Value:
        if kind in FIELDS or kind in LITERALS:
            return self.speaker.value(kind)
        return field_of(self.speaker.mention(kind), "id")


def _can_be_exchanged(first: Mention, second: Mention) -> bool:
    return first.noun == second.noun and not first.several and not second.several


def _may_meet(first: Mention | None, second: Mention) -> bool:
    """True if both may be one row: mentions of single rows are of different ones."""
    if first is None or first.noun != second.noun:
        return False
    return first is second or first.several or second.several


def _ends_in_text(template: str) -> bool:
    return bool(re.search(r'\{text\w*\}"?$', template))


def _go_together(first: Deed | Question, second: Deed) -> bool:
    """True if both can be about one row."""
    return isinstance(first, Question) or (
        first.tool != second.tool and not {first.tool, second.tool} & REMOVES
    )


def _in_order(mentions: Sequence[Mention], text: str) -> list[Mention]:
    """Mentions in the order in which the request speaks of them."""
    return sorted(mentions, key=lambda mention: text.index(mention.phrase))


def _shape(mentions: Sequence[Mention], clauses: Sequence[_Clause]) -> tuple[str, int]:
    """The calls of each turn, as `scenarios.chains` writes them, and their least number."""
    found = [mention.turns for mention in mentions]
    acts = [_step(clause) for clause in clauses if isinstance(clause.what, Deed)]
    every = [*merged_turns(found), *([merged(acts)] if acts else [])]
    return " > ".join(every), sum(map(len, found)) + len(acts)


def _step(clause: _Clause) -> str:
    assert isinstance(clause.what, Deed)
    told = [name for name, value in clause.values.items() if value.told]
    if clause.target is not None and clause.target.steps:
        told.append("id")
    return f"{clause.what.tool}({','.join(told)})" if told else clause.what.tool


def _script(mentions: Sequence[Mention], clauses: Sequence[_Clause]) -> Script:
    rows = yield from side_by_side([mention.follow() for mention in mentions])
    found = {id(mention): row for mention, row in zip(mentions, rows, strict=True)}
    calls = [made for clause in clauses for made in _calls(clause, found)]
    results = (yield calls) if calls else []
    asked = [_told(clause, found) for clause in clauses if isinstance(clause.what, Question)]
    done = [*asked, *_reported(calls, results)]
    return joint(*done) if done else DONE


def _calls(clause: _Clause, found: Mapping[int, Found]) -> list[ToolCall]:
    deed, target = clause.what, clause.target
    if isinstance(deed, Question):
        return []
    if target is None:
        return [call(deed.tool, **{name: value.of(found) for name, value in clause.values.items()})]
    rows: list[Found] = found[id(target)]["rows"] if target.several else [found[id(target)]]
    return [
        call(
            deed.tool,
            id=row["id"],
            **{name: value.of({**found, id(target): row}) for name, value in clause.values.items()},
        )
        for row in rows
    ]


def _told(clause: _Clause, found: Mapping[int, Found]) -> Answer:
    asked, target = clause.what, clause.target
    assert isinstance(asked, Question)
    assert target is not None
    known = found[id(target)]
    if asked.several:
        return listing(asked.answer, [row[asked.field] for row in known["rows"]])
    return answer(asked.answer, known[asked.field])


def _reported(calls: Sequence[ToolCall], results: Sequence[Any]) -> list[Answer]:
    """The answers to the acts: all that was sent or added, and the outcome of a single change."""
    counts = Counter(made.name for made in calls)
    sent = list(dict.fromkeys(made.arguments["email"] for made in calls if made.name == "send_message"))
    reports = [listing("Sent to {}.", sent)] if sent else []
    for made, result in zip(calls, results, strict=True):
        match made.name:
            case "add_customer":
                reports.append(answer("Customer {} is added.", result["id"]))
            case "add_event":
                reports.append(answer("Event {} is added.", result["id"]))
            case "create_order":
                reports.append(answer("Order {} is placed.", result["id"]))
            case "add_stock" if counts["add_stock"] == 1:
                reports.append(answer("The stock is {}.", result["stock"]))
            case "set_status" if counts["set_status"] == 1:
                reports.append(answer("Order {} is {}.", made.arguments["id"], made.arguments["status"]))
            case _:
                pass
    return reports
