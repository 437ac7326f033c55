"""Training and test share no phrasing, no value and no invented tool."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import islice

import pytest

from agentfast.messages import UserMessage
from agentfast.nano.shop import words
from agentfast.nano.shop.splits import Split, split_of
from agentfast.nano.shop.values import Values, roots
from agentfast.nano.tasks.invented.requests import ACTION_PATTERNS, LOOKUP_PATTERNS
from agentfast.nano.tasks.invented.tasks import CHAIN_PATTERNS
from agentfast.nano.tasks.phrases import phrasings
from agentfast.nano.tasks.scenarios import SCENARIOS
from agentfast.nano.training.corpus.episodes import Episode, episodes
from agentfast.nano.training.corpus.extraction import DOCUMENTS

PATTERNS = [
    *(scenario.patterns for scenario in SCENARIOS),
    *(document.patterns for document in DOCUMENTS),
    ACTION_PATTERNS,
    LOOKUP_PATTERNS,
    CHAIN_PATTERNS,
]

VALUES: dict[str, Callable[[Values], object]] = {
    "people": Values.person,
    "first names": Values.first_name,
    "cities": Values.city,
    "emails": Values.email,
    "coined words": Values.coined,
    "products": Values.product,
    "titles": Values.title,
    "texts": Values.text,
    "dates": Values.date,
    "times": Values.time,
    "ids": lambda values: values.number(100, 9999),
    "prices": lambda values: max(values.price(), 100),
}


SPLITS: tuple[Split, Split] = ("train", "test")


@pytest.mark.parametrize("start", range(0, len(PATTERNS), 50))
def test_a_task_has_a_dozen_phrasings_of_which_some_are_held_out(start: int) -> None:
    for patterns in PATTERNS[start : start + 50]:
        train, test = (set(phrasings(patterns, split)) for split in SPLITS)
        assert len(train) + len(test) >= 12, patterns
        assert len(train) >= 8, patterns
        assert test, patterns
        assert not train & test


def test_about_a_quarter_of_all_phrasings_is_held_out() -> None:
    counts = [sum(len(phrasings(p, split)) for p in PATTERNS) for split in SPLITS]
    assert 0.2 < counts[1] / sum(counts) < 0.3


def test_no_phrasing_is_trained_in_one_task_and_tested_in_another() -> None:
    every = {split: {p for patterns in PATTERNS for p in phrasings(patterns, split)} for split in SPLITS}
    assert not every["train"] & every["test"]


@pytest.mark.parametrize("kind", VALUES)
def test_values_of_the_splits_are_disjoint(kind: str) -> None:
    drawn: dict[Split, set[object]] = {}
    for split in SPLITS:
        values = Values(random.Random(0), split)
        drawn[split] = {VALUES[kind](values) for _ in range(3000)} - {100}  # prices below 100 are in both
    assert not drawn["train"] & drawn["test"]
    assert len(drawn["test"]) >= 25


@pytest.mark.parametrize(
    "endings", [words.FIRST_ENDINGS, words.LAST_ENDINGS, words.CITY_ENDINGS, words.WORD_ENDINGS]
)
def test_the_root_of_a_coined_word_can_be_read_back(endings: tuple[str, ...]) -> None:
    for split in SPLITS:
        values = Values(random.Random(1), split)
        for _ in range(300):
            match = re.match(r"[^aeiou]*[aeiou][^aeiou]+", values.coined(endings))
            assert match is not None
            assert match[0] in roots(split)


def test_a_verb_belongs_to_one_group_and_is_no_result_key() -> None:
    verbs = [verb for group in words.VERB_GROUPS for verb in group]
    assert len(verbs) == len(set(verbs))
    assert not set(verbs) & set(words.RESULT_KEYS)


def test_episodes_of_the_splits_share_no_request_no_number_and_no_invented_tool() -> None:
    train, test = (list(islice(episodes(3, split), 2500)) for split in SPLITS)
    for seen in (requests, numbers, invented_tools):
        assert not seen(train) & seen(test)
        assert len(seen(test)) > 200


def requests(made: list[Episode]) -> set[str]:
    return {
        message.text for episode in made for message in episode.messages if isinstance(message, UserMessage)
    }


def numbers(made: list[Episode]) -> set[str]:
    """Numbers of three digits and more, outside dates and stocks: a total of two stocks may be any number."""
    found: set[str] = set()
    for episode in made:
        text = re.sub(r"\d{4}-\d\d-\d\d|stock(\W| is )+\d+", " ", repr(episode.messages))
        found |= {number for number in re.findall(r"\d+(?:\.\d+)?", text) if float(number) >= 100}
    return found


def invented_tools(made: list[Episode]) -> set[str]:
    """Names and descriptions."""
    tools = [tool for episode in made if not episode.desk for tool in episode.tools]
    return {tool.name for tool in tools} | {tool.description for tool in tools}


def test_one_in_four_texts_is_held_out() -> None:
    share = sum(split_of(str(number)) == "test" for number in range(1000, 9000)) / 8000
    assert 0.22 < share < 0.28
