"""Regular expressions, choices and free text as grammars, against `re` and over random token splits."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar
from tests.support.token_splits import ends, splits, vocabulary_of

ALPHABET = "aB7_ -.é漢😀\n"
BYTES = [bytes([b]) for b in range(256)]

literals = st.sampled_from([re.escape(char) for char in ALPHABET])
classes = st.sampled_from(["[ab]", "[^a]", "[A-Z_]", "[é-漢]", r"\d", r"\w", r"[\d.]", r"[^\w-]", "[^\n]"])


def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        pairs.map("".join),
        pairs.map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        inner.map(lambda pattern: f"({pattern})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    )


patterns = st.recursive(literals | classes | st.just(""), extend, max_leaves=8)
words = st.text(ALPHABET, max_size=6)


def python(pattern: str) -> re.Pattern[str]:
    """The same pattern for `re`: \\d and \\w are ASCII in ECMA-262."""
    return re.compile(pattern, re.ASCII)


def fits(data: st.DataObject, pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(python(pattern), fullmatch=True, alphabet=st.sampled_from(ALPHABET))


def is_empty(grammar: Grammar, vocabulary: Vocabulary) -> bool:
    try:
        grammar.compile(vocabulary)
    except GrammarError:
        return True
    return False


@given(
    patterns,
    st.lists(words, min_size=5, max_size=15),
    st.lists(st.text(ALPHABET, min_size=2, max_size=3)),
    st.data(),
)
def test_a_regular_expression_is_what_re_fullmatch_says_over_any_token_split(
    pattern: str, others: list[str], extra: list[str], data: st.DataObject
) -> None:
    grammar = Grammar.from_regex(pattern)
    vocabulary = vocabulary_of(BYTES + [text.encode() for text in extra])
    compiled = grammar.compile(vocabulary)
    for word in [data.draw(fits(data, pattern)), *others]:
        matches = python(pattern).fullmatch(word) is not None
        assert grammar.accepts(word) == matches, (pattern, word)
        assert ends(compiled, splits(data, word.encode(), vocabulary)) == matches, (pattern, word)


@given(patterns, patterns, st.data())
def test_parts_join_as_in_one_pattern(left: str, right: str, data: st.DataObject) -> None:
    joined = Grammar.from_regex(left) + Grammar.from_regex(right)
    either = Grammar.from_regex(left) | Grammar.from_regex(right)
    for word in (data.draw(fits(data, left + right)), data.draw(words)):
        assert joined.accepts(word) == (python(f"(?:{left})(?:{right})").fullmatch(word) is not None)
        assert either.accepts(word) == (python(f"{left}|{right}").fullmatch(word) is not None)


@given(st.lists(words, min_size=1, max_size=5), st.lists(words, max_size=5), st.data())
def test_a_choice_is_its_texts_and_no_others(
    texts: list[str], others: list[str], data: st.DataObject
) -> None:
    grammar = Grammar.from_choices(texts)
    vocabulary = vocabulary_of(BYTES + [text.encode() for text in texts if text])
    compiled = grammar.compile(vocabulary)
    for word in [*texts, *others]:
        assert grammar.accepts(word) == (word in texts)
        assert ends(compiled, splits(data, word.encode(), vocabulary)) == (word in texts)


@given(
    patterns,
    st.text(ALPHABET, max_size=3),
    st.none() | st.integers(0, 5),
    st.lists(words, min_size=5, max_size=15),
    st.data(),
)
def test_a_text_without_something_holds_it_nowhere_and_is_no_longer_than_it_may_be(
    pattern: str, needle: str, most: int | None, others: list[str], data: st.DataObject
) -> None:
    assume(python(pattern).fullmatch("") is None)
    grammar = Grammar.text(without=needle, without_match=pattern, most=most)
    inside = data.draw(words) + data.draw(fits(data, pattern)) + data.draw(words)
    for word in [inside, needle, *others]:
        unwanted = (needle != "" and needle in word) or python(pattern).search(word) is not None
        fits_in = most is None or len(word) <= most
        assert grammar.accepts(word) == (fits_in and not unwanted), (pattern, needle, most, word)


def test_anchors_in_a_pattern_that_is_excluded_mean_the_ends_of_the_text() -> None:
    grammar = Grammar.text(without_match="^no|no$")
    assert [grammar.accepts(word) for word in ("no", "now", "a no", "a no b", "yes", "")] == [False, False, False, True, True, True]  # fmt: skip


def test_words_around_a_constrained_region_are_free_and_the_region_is_not() -> None:
    vocabulary = Vocabulary.byte_level(["<eos>", "<|call|>"])
    grammar = (
        Grammar.text(without="!", most=20) + Grammar.special("<|call|>") + Grammar.from_regex("[0-9]+")
    ).compile(vocabulary)
    call = [vocabulary.special["<|call|>"]]
    assert ends(grammar, [*b"so I call: ", *call, *b"42"])
    assert ends(grammar, [*call, *b"42"])
    assert not ends(grammar, [*b"so! ", *call, *b"42"])
    assert not ends(grammar, [*b"42"])
    assert not ends(grammar, [*b"more than the words allowed: ", *call, *b"42"])


def test_the_special_tokens_of_a_grammar_are_known() -> None:
    grammar = (Grammar.special("<a>") | Grammar.text()).repeat(0) + Grammar.special("<b>")
    assert grammar.specials == {"<a>", "<b>"}
    assert Grammar.from_regex("a|b*").specials == frozenset()


@pytest.mark.parametrize("pattern", ["a)(b", r"(a)\1", "(", "[b-a]", r"\p{Script=Greek}", "a{1,50000}"])
def test_a_pattern_that_is_not_read_is_refused(pattern: str) -> None:
    with pytest.raises(GrammarError):
        Grammar.from_regex(pattern)


def test_what_no_text_can_be_is_refused() -> None:
    with pytest.raises(GrammarError, match="no texts"):
        Grammar.from_choices([])
    with pytest.raises(GrammarError, match="surrogate"):
        Grammar.from_choices(["a", "\ud800"])
    with pytest.raises(GrammarError, match="empty text"):
        Grammar.text(without_match="a*")
    assert is_empty(Grammar.from_regex("a^b"), vocabulary_of(BYTES))


@pytest.mark.parametrize(
    "grammar",
    [Grammar.text(), Grammar.from_regex("."), Grammar.from_regex("[^a]"), Grammar.text(without="a")],
)
def test_a_text_is_well_formed_utf8_up_to_the_last_code_point(grammar: Grammar) -> None:
    good = [char.encode() for char in "b\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"]
    bad = [b"\x80", b"\xc3", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf0\x80\x80\x80", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80"]  # fmt: skip
    assert all(grammar.accepts(text) for text in good)
    assert not any(grammar.accepts(text) for text in bad)
