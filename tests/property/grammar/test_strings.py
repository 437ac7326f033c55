"""Sets of strings against brute force: every short word is looked at on its own."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.strings.language import StringLanguage
from agentfast.runtime.grammar.strings.utf8_encoder import Encoding

ALPHABET = 'a"\né😀'
WORDS = ["".join(chars) for size in range(4) for chars in product(ALPHABET, repeat=size)]
Judged = tuple[StringLanguage, Callable[[str], bool]]
"""A set of strings, and what is in it."""


def judged(language: StringLanguage, judge: Callable[[str], bool]) -> Judged:
    return language, judge


def listed(words: list[str]) -> Judged:
    return judged(StringLanguage.words(words), lambda text: text in words)


def long(bounds: tuple[int, int | None]) -> Judged:
    least, most = bounds
    return judged(
        StringLanguage.length(least, most), lambda text: least <= len(text) <= (99 if most is None else most)
    )


def beginning(start: str) -> Judged:
    return judged(StringLanguage.pattern(f"^{start}"), lambda text: text.startswith(start))


def even(char: str) -> Judged:
    pattern = f"^(?:[^{char}]*{char}[^{char}]*{char})*[^{char}]*$"
    return judged(StringLanguage.pattern(pattern), lambda text: text.count(char) % 2 == 0)


def both(pair: tuple[Judged, Judged]) -> Judged:
    (left, in_left), (right, in_right) = pair
    return judged(left & right, lambda text: in_left(text) and in_right(text))


def either(pair: tuple[Judged, Judged]) -> Judged:
    (left, in_left), (right, in_right) = pair
    return judged(left | right, lambda text: in_left(text) or in_right(text))


def neither(one: Judged) -> Judged:
    return judged(~one[0], lambda text: not one[1](text))


def languages() -> st.SearchStrategy[Judged]:
    leaves: list[st.SearchStrategy[Judged]] = [
        st.lists(st.text(ALPHABET, max_size=3), max_size=4).map(listed),
        st.tuples(st.integers(0, 3), st.none() | st.integers(0, 4)).map(long),
        st.text(ALPHABET, max_size=2).map(beginning),
        st.sampled_from(ALPHABET).map(even),
        st.just(judged(StringLanguage.anything(), lambda _: True)),
    ]

    def extend(inner: st.SearchStrategy[Judged]) -> st.SearchStrategy[Judged]:
        pairs = st.tuples(inner, inner)
        return pairs.map(both) | pairs.map(either) | inner.map(neither)

    return st.recursive(st.one_of(leaves), extend, max_leaves=5)


def spellings(char: str) -> Iterable[str]:
    """Every way that JSON has to write a character."""
    quoted = json.dumps(char, ensure_ascii=False)[1:-1]
    escaped = "".join(f"\\u{int.from_bytes(unit, 'big'):04x}" for unit in units(char))
    return {quoted, escaped, escaped.upper().replace("\\U", "\\u"), *(["\\/"] if char == "/" else [])}


def units(char: str) -> list[bytes]:
    data = char.encode("utf-16-be")
    return [data[i : i + 2] for i in range(0, len(data), 2)]


@given(languages())
def test_combinations_hold_the_words_that_brute_force_finds(case: Judged) -> None:
    language, judge = case
    assert [text for text in WORDS if language.contains(text)] == [text for text in WORDS if judge(text)]


@given(languages())
def test_what_is_listed_is_all_there_is(case: Judged) -> None:
    language, judge = case
    found = language.finite(200)
    if found is None:
        assert not language.is_empty
    else:
        assert language.is_empty == (not found)
        assert set(found) & set(WORDS) == {text for text in WORDS if judge(text)}
        assert len(found) == len(set(found))
        assert all(language.contains(text) for text in found)


@given(languages(), st.sampled_from(["canonical", "any"]), st.data())
def test_a_spelled_word_is_accepted_just_when_it_is_in_the_language(
    case: Judged, encoding: Encoding, data: st.DataObject
) -> None:
    language, judge = case
    grammar = Grammar(language.node(encoding))
    for text in data.draw(st.lists(st.text(ALPHABET, max_size=4), min_size=3, max_size=6)):
        assert grammar.accepts(json.dumps(text, ensure_ascii=False)) == judge(text)
        if encoding == "any" or is_shared(language):
            written = "".join(data.draw(st.sampled_from(sorted(spellings(char)))) for char in text)
            assert json.loads(f'"{written}"') == text
            assert grammar.accepts(f'"{written}"') == judge(text)


def is_shared(language: StringLanguage) -> bool:
    """Whether only lengths matter, for which there is one spelling."""
    return len(language.inner.rows) == 1


@given(
    languages(),
    st.sampled_from(["canonical", "any"]),
    st.lists(
        st.sampled_from(['"', "a", "\\", "u", "00", "e9", "22", "0a", "d83d", "DE00", "n", "é", "\n", "😀"]),
        max_size=8,
    ),
)
def test_what_a_node_accepts_is_json_of_a_word(case: Judged, encoding: Encoding, parts: list[str]) -> None:
    language, judge = case
    text = '"' + "".join(parts) + '"'
    if Grammar(language.node(encoding)).accepts(text):
        word = json.loads(text)
        assert judge(word)
        if encoding == "canonical" and not is_shared(language):
            assert text == json.dumps(word, ensure_ascii=False)
    elif encoding == "any":
        assert not is_word(text, judge)


def is_word(text: str, judge: Callable[[str], bool]) -> bool:
    try:
        word = json.loads(text)
        word.encode()
    except ValueError:
        return False
    return judge(word)


@given(languages())
def test_plain_text_is_the_word_itself(case: Judged) -> None:
    language, judge = case
    grammar = Grammar(language.node("plain"))
    assert [text for text in WORDS if grammar.accepts(text)] == [text for text in WORDS if judge(text)]


BYTES = [bytes([b]) for b in range(256)]
TOKENS = [b'"a', b'a"', b"aa", b'"}', b'\\"', b"\\u00", b"e9", b"\xa9a", b"\xf0\x9f", b'""', b"a\\n", b'a"}}']


@given(
    languages(),
    st.sampled_from(["canonical", "any"]),
    st.lists(st.sampled_from(TOKENS), max_size=6),
    st.data(),
)
def test_tokens_do_what_their_bytes_do(
    case: Judged, encoding: Encoding, extra: list[bytes], data: st.DataObject
) -> None:
    language, judge = case
    if language.is_empty:
        return
    node = language.node(encoding)
    grammar = Grammar(nodes.Sequence(nodes.Literal(b"{"), node, nodes.Literal(b"}")))
    vocabulary = Vocabulary(
        (*BYTES, *extra, None), {"<eos>": 256 + len(extra)}, frozenset({256 + len(extra)})
    )
    compiled = grammar.compile(vocabulary)
    for text in data.draw(st.lists(st.text(ALPHABET, max_size=4), min_size=3, max_size=6)):
        written = f"{{{json.dumps(text, ensure_ascii=False)}}}".encode()
        state = compiled.start
        while written:
            fitting = [i for i, token in enumerate(vocabulary.tokens) if token and written.startswith(token)]
            token = data.draw(st.sampled_from(fitting))
            written = written.removeprefix(vocabulary.tokens[token] or b"")
            state = compiled.advance(state, token)
        assert compiled.is_done(compiled.advance(state, vocabulary.special["<eos>"])) == judge(text)


@given(
    st.sampled_from(
        [
            "^%s$",
            "^(%s)$",
            "^a%s$",
            "^%s[ab]é$",
            "^(?=.*b)%s$",
            "^(?!.*é)a?%s$",
            "^%s|b$",
            "%s$",
            "^(?:a|b)%s\\b$",
        ]
    ),
    st.sampled_from(["[ab]", ".", "[^a]", "[^]"]),
    st.tuples(st.integers(30, 34), st.integers(0, 3)),
    st.sampled_from(["exact", "open", "bounded"]),
    st.text("abé\n", max_size=4),
    st.text("abé\n", max_size=4),
)
def test_large_counts_mean_what_they_mean_to_re(
    frame: str, char: str, counts: tuple[int, int], kind: str, start: str, end: str
) -> None:
    least, more = counts
    suffix = {"exact": f"{{{least}}}", "open": f"{{{least},}}", "bounded": f"{{{least},{least + more}}}"}[
        kind
    ]
    pattern = frame.replace("%s", char + suffix)
    python = re.compile(pattern.replace("[^]", r"[\s\S]").replace("$", r"\Z"), re.ASCII)
    language = StringLanguage.pattern(pattern)
    for size in (29, 30, 31, 33, 35, 37):
        text = start + "b" * (size - len(start) - len(end)) + end
        assert language.contains(text) == (python.search(text) is not None), text


def conditions() -> st.SearchStrategy[str]:
    """Patterns with anchors, boundaries and look-around that `re` reads alike: look-behind has one length there."""
    chars = st.sampled_from(["a", "b", " ", "_", ".", "[ab]", "[^a]", r"\w", r"\W", r"\d"])
    behind = st.tuples(
        st.sampled_from(["(?<=%s)", "(?<!%s)"]), st.lists(chars | st.just(r"\b"), max_size=2).map("".join)
    )
    places = st.sampled_from(["^", "$", r"\b", r"\B"]) | behind.map(lambda pair: pair[0] % pair[1])

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        pairs = st.tuples(inner, inner)
        ahead = inner.filter(lambda pattern: "(?<" not in pattern)
        return st.one_of(
            pairs.map("".join),
            pairs.map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
            st.tuples(inner, st.sampled_from("*+?")).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
            st.tuples(st.sampled_from(["(?=%s)", "(?!%s)"]), ahead).map(lambda pair: pair[0] % pair[1]),
        )

    return st.recursive(chars | places, extend, max_leaves=6)


@given(conditions(), st.lists(st.text("ab _1\n", max_size=5), min_size=5, max_size=15))
def test_conditions_hold_where_re_says_so(pattern: str, words: list[str]) -> None:
    python = re.compile(pattern.replace("$", r"\Z"), re.ASCII)
    language = StringLanguage.pattern(pattern)
    for word in words:
        # Before 3.14 \B does not hold in the empty text, in ECMA it does.
        if word or r"\B" not in pattern:
            assert language.contains(word) == (python.search(word) is not None), (pattern, word)
