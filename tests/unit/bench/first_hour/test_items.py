"""An item that is not true is reported with what was seen, however it ends."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from agentfast import ConfigError
from bench.first_hour import command, examples, histories, losing, raw_inputs, schemas, servers, starting
from bench.first_hour.items import expect, expect_words, item, items_of, refusal, report, run_item


@item
def true() -> dict[str, float]:
    """It is
    so."""
    return {"answer_s": 1.234}


@item
def false() -> None:
    """It is not so."""
    expect([] == [1], [1])


@item
def raw() -> None:
    """It raises."""
    raise KeyError("city")


@item
def leaving() -> None:
    """It leaves."""
    sys.exit(3)


def test_the_report_counts_and_names_the_items_that_failed_with_what_was_seen() -> None:
    module = ModuleType("subject")
    vars(module).update(true=true, false=false, other=1, raw=raw, leaving=leaving)
    outcomes = [run_item(each) for each in items_of(module)]
    assert [outcome.seen for outcome in outcomes] == [None, "saw [1]", "KeyError: 'city'", "SystemExit: 3"]
    assert report(outcomes) == {
        "items": 4,
        "passed": 1,
        "failed": ["It is not so.", "It raises.", "It leaves."],
        "answer_s": 1.23,
    }
    assert outcomes[0].item.title == "It is so."


def test_an_interruption_is_no_outcome() -> None:
    @item
    def interrupted() -> None:
        """It is interrupted."""
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_item(interrupted)


def test_words_are_looked_for_in_any_case() -> None:
    expect_words("A GGUF file", "gguf", "file")
    with pytest.raises(AssertionError, match="nothing of 'mlx' in 'A GGUF file'"):
        expect_words("A GGUF file", "file", "mlx")


def test_a_refusal_is_a_typed_error_with_the_words() -> None:
    def refuse() -> None:
        raise ConfigError("no such prompt")

    assert str(refusal(refuse, "prompt")) == "no such prompt"
    with pytest.raises(AssertionError, match="nothing of 'history'"):
        refusal(refuse, "history")
    with pytest.raises(AssertionError, match="saw no error, but 5"):
        refusal(lambda: 5)
    with pytest.raises(AssertionError, match="saw a raw ZeroDivisionError"):
        refusal(lambda: 1 / 0)


def test_every_items_title_is_a_sentence_of_its_own() -> None:
    subjects = (starting, losing, histories, raw_inputs, schemas, servers, command, examples)
    titles = [each.title for subject in subjects for each in items_of(subject)]
    assert len(titles) == len(set(titles))
    assert not [title for title in titles if not title.endswith(".") or "\n" in title]
