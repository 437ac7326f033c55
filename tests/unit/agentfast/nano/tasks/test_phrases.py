"""Phrasings expand, and politeness fits how a sentence speaks."""

from __future__ import annotations

import random
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.messages import UserMessage
from agentfast.nano.shop.database import Shop
from agentfast.nano.tasks.phrases import draw_phrase, expand, listed, mood_of, phrasings, polite, polite_pair
from agentfast.nano.training.corpus.episodes import episodes

ORDER, QUESTION, STATEMENT = "cancel event 312", "who runs the chess session?", "event 312 is off."


def test_a_pattern_stands_for_every_combination() -> None:
    assert expand("[show|give me] order [|number ]{id}") == [
        "show order {id}",
        "show order number {id}",
        "give me order {id}",
        "give me order number {id}",
    ]


def test_a_phrase_is_of_its_split() -> None:
    pattern = ("[list|show|show me|find|give me] [the|all|our] orders [of|from|for] {name}",)
    for seed in range(50):
        phrase = draw_phrase(pattern, "test", random.Random(seed))
        assert phrase in phrasings(pattern, "test")
        assert phrase not in phrasings(pattern, "train")


def test_a_split_without_phrasings_is_an_error() -> None:
    lonely = next(p for p in ("a {id}", "b {id}", "c {id}", "d {id}") if not phrasings((p,), "test"))
    with pytest.raises(ValueError, match="belongs to test"):
        draw_phrase((lonely,), "test", random.Random(0))


@pytest.mark.parametrize(
    ("core", "mood"),
    [(ORDER, "order"), (QUESTION, "question"), (STATEMENT, "statement"), ("what is it", "question")],
)
def test_a_core_is_an_order_a_question_or_a_statement(core: str, mood: str) -> None:
    assert mood_of(core) == mood


@given(st.integers())
def test_questions_end_with_a_question_mark_and_statements_are_not_commanded(seed: int) -> None:
    rng = random.Random(seed)
    assert polite(QUESTION, rng).endswith("?")
    said = polite(STATEMENT, rng)
    assert "?" not in said
    assert not said.lower().startswith(("please event", "could", "can", "i need", "i want"))


@given(st.integers())
def test_nothing_follows_a_text_that_is_to_be_sent(seed: int) -> None:
    core = "tell ana: the lamp is ready"
    assert polite(core, random.Random(seed), open_end=False).rstrip(".?").endswith("the lamp is ready")


@given(
    st.integers(),
    st.sampled_from([ORDER, QUESTION, STATEMENT]),
    st.sampled_from([ORDER, QUESTION, STATEMENT]),
)
def test_two_requests_in_one_keep_both(seed: int, first: str, second: str) -> None:
    text = polite_pair(first, second, random.Random(seed)).lower()
    assert first.rstrip("?.") in text
    assert second.rstrip("?.") in text


def test_texts_are_enumerated() -> None:
    enumerations = ["", "a", "a and b", "a, b and c"]
    assert [listed("abc"[:count]) for count in range(4)] == enumerations


def test_requests_are_single_lines_without_leftover_slots() -> None:
    for episode in islice(episodes(21), 1000):
        request = next(message.text for message in episode.messages if isinstance(message, UserMessage))
        assert not set("{}[]|\n") & set(request)
        assert "  " not in request
        assert request[0].isupper() or request[0].isdigit() or not request[0].isalpha()


def test_a_shop_closes_by_itself() -> None:
    shop = Shop()
    shop.close()
    shop.close()
