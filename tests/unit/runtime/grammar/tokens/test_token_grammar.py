"""Grammars over tokens: combinators, EOS, budgets, and string bodies that tokens cross."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar.tokens.graph import UNREACHABLE
from agentfast.runtime.grammar.tokens.token_grammar import DEAD


def vocabulary_of(*tokens: bytes, special: Sequence[str] = ("<eos>", "<|call|>")) -> Vocabulary:
    names = {name: len(tokens) + i for i, name in enumerate(special)}
    return Vocabulary((*tokens, *(None for _ in names)), names, frozenset({len(tokens)}))


def run(grammar: TokenGrammar, tokens: Sequence[int]) -> int:
    state = grammar.start
    for token in tokens:
        state = grammar.advance(state, token)
    return state


BYTES = Vocabulary.byte_level(("<eos>", "<|call|>"))
EOS, CALL = 256, 257


def test_content_is_followed_by_one_eos_and_a_free_tail() -> None:
    grammar = Grammar.literal("ab").compile(BYTES)
    assert run(grammar, [97, EOS]) == DEAD
    end = run(grammar, [97, 98, EOS])
    assert grammar.is_done(end)
    assert grammar.is_done(run(grammar, [97, 98, EOS, EOS, CALL, 0]))
    assert not grammar.is_done(run(grammar, [97, 98]))
    assert grammar.allowed(end, 0).sum() == 0
    assert grammar.allowed(end, 1).all()


def test_min_tokens_counts_eos() -> None:
    grammar = Grammar.literal("abc").compile(vocabulary_of(b"a", b"b", b"c", b"ab", b"bc"))
    assert grammar.min_tokens(grammar.start) == 3
    assert grammar.min_tokens(run(grammar, [0])) == 2
    assert grammar.min_tokens(run(grammar, [3])) == 2
    assert grammar.min_tokens(DEAD) == UNREACHABLE


def test_allowed_tokens_leave_enough_budget() -> None:
    grammar = Grammar.literal("a").repeat(1, 3).compile(BYTES)
    assert np.nonzero(grammar.allowed(grammar.start, 2))[0].tolist() == [97]
    assert np.nonzero(grammar.allowed(grammar.start, 1))[0].tolist() == []
    one = run(grammar, [97])
    assert np.nonzero(grammar.allowed(one, 1))[0].tolist() == [EOS]
    assert np.nonzero(grammar.allowed(one, 2))[0].tolist() == [97, EOS]


def test_a_forced_token_is_known() -> None:
    grammar = Grammar.literal("ab").compile(BYTES)
    assert grammar.forced(grammar.start) == 97
    assert grammar.forced(run(grammar, [97, 98, EOS])) is None
    assert (Grammar.literal("a") | Grammar.literal("b")).compile(BYTES).forced(0) is None


def test_special_tokens_are_no_text_and_text_is_no_special_token() -> None:
    grammar = (Grammar.special("<|call|>") + Grammar.text()).compile(BYTES)
    assert run(grammar, list(b"<|call|>")) == DEAD
    assert grammar.is_done(run(grammar, [CALL, *b"<|call|>", EOS]))
    assert run(grammar, [CALL, CALL]) == DEAD
    assert not Grammar.special("<|call|>").accepts("<|call|>")


def test_text_is_well_formed_utf8_over_byte_tokens() -> None:
    grammar = Grammar.text().compile(BYTES)
    assert grammar.is_done(run(grammar, [*"é漢😀\n\0".encode(), EOS]))
    assert run(grammar, [0xC3, EOS]) == DEAD
    assert run(grammar, [0xED, 0xA0]) == DEAD


def test_turns_of_several_calls_or_text_share_one_grammar() -> None:
    call = Grammar.special("<|call|>") + compile_schema(
        {"type": "object", "properties": {"n": {"type": "integer"}}}
    )
    grammar = (call.repeat(1, 2) | Grammar.text()).compile(BYTES)
    assert grammar.is_done(run(grammar, [*b"hello", EOS]))
    assert grammar.is_done(run(grammar, [CALL, *b'{"n":1}', CALL, *b"{}", EOS]))
    assert run(grammar, [CALL, *b"{}", CALL, *b"{}", CALL]) == DEAD
    assert run(grammar, [*b"hello", CALL]) == DEAD


def test_a_token_may_cross_the_end_of_a_string() -> None:
    vocabulary = vocabulary_of(
        b'{"', b'a":"', b'x"}', b'xx"}', b"x", b'"', b"}", b'\\"', b'x\\"y"}', b"\xc3", b'\xa9"}'
    )
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "minLength": 1, "maxLength": 2}},
        "required": ["a"],
    }
    grammar = compile_schema(schema).compile(vocabulary)
    eos = vocabulary.special["<eos>"]
    for content in ([2], [3], [4, 2], [4, 5, 6], [7, 5, 6], [4, 4, 5, 6], [9, 10], [4, 9, 10]):
        assert grammar.is_done(run(grammar, [0, 1, *content, eos])), content
    for content in ([5], [4, 3], [8], [4, 4, 2], [9, 2], [4, 4, 9], [6, 6, 6]):
        assert run(grammar, [0, 1, *content]) == DEAD, content


def test_tokens_of_the_same_bytes_behave_alike() -> None:
    grammar = Grammar.literal("a").compile(vocabulary_of(b"a", b"a", b"b"))
    assert grammar.advance(0, 0) == grammar.advance(0, 1) != DEAD
    assert grammar.classes.token_class[0] == grammar.classes.token_class[1]


def test_unused_ids_are_never_generated() -> None:
    vocabulary = Vocabulary((b"a", None, None), {"<eos>": 1}, frozenset({1}))
    grammar = Grammar.text().compile(vocabulary)
    assert grammar.advance(0, 2) == DEAD
    assert not grammar.allowed(0, 5)[2]
    assert grammar.advance(0, 99) == DEAD


def test_every_eos_token_ends_the_content() -> None:
    vocabulary = Vocabulary((b"a", None, None), {"<eos>": 1, "<turn>": 2}, frozenset({1, 2}))
    grammar = Grammar.literal("a").compile(vocabulary)
    assert grammar.is_done(run(grammar, [0, 1]))
    assert grammar.is_done(run(grammar, [0, 2]))


def test_what_the_vocabulary_cannot_write_is_an_error() -> None:
    with pytest.raises(GrammarError, match="matches nothing"):
        Grammar.literal("z").compile(vocabulary_of(b"a"))


def test_unknown_and_ending_special_tokens_are_errors() -> None:
    with pytest.raises(GrammarError, match=r"no special token '<\|none\|>'"):
        Grammar.special("<|none|>").compile(BYTES)
    with pytest.raises(GrammarError, match="ends a turn"):
        Grammar.special("<eos>").compile(BYTES)


def test_impossible_repeats_are_errors() -> None:
    with pytest.raises(GrammarError):
        Grammar.literal("a").repeat(2, 1)
    with pytest.raises(GrammarError):
        Grammar.literal("a").repeat(-1)


def test_repeats_of_what_may_be_empty_end() -> None:
    grammar = Grammar.text().repeat(0).repeat(2, 3)
    assert grammar.accepts("")
    assert grammar.accepts("abc")


def test_equal_grammars_share_one_compilation() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    first, second = compile_schema(schema), compile_schema(dict(schema))
    assert first == second
    assert first.compile(BYTES) is second.compile(BYTES)
    assert first != compile_schema(schema, whitespace="flexible")


def test_recursive_schemas_compile_to_finitely_many_states() -> None:
    tree = {
        "type": "object",
        "properties": {"l": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}, "r": {"$ref": "#"}},
    }
    grammar = compile_schema(tree).compile(BYTES)
    assert grammar.is_done(run(grammar, [*b'{"l":{"r":{}},"r":{"l":null}}', EOS]))
    assert grammar.state_count < 100_000


def test_numbers_end_where_the_next_token_says() -> None:
    vocabulary = vocabulary_of(b"1", b"12", b",", b"2]", b"]", b"[", b"1,", b".5]")
    grammar = compile_schema({"type": "array", "items": {"type": "number", "maximum": 12}}).compile(
        vocabulary
    )
    eos = vocabulary.special["<eos>"]
    for tokens in ([5, 4], [5, 1, 2, 0, 3], [5, 0, 2, 6, 0, 7], [5, 6, 0, 4]):
        assert grammar.is_done(run(grammar, [*tokens, eos])), tokens
    for tokens in ([5, 1, 0], [5, 6, 4], [5, 1, 7], [5, eos]):
        assert run(grammar, tokens) == DEAD, tokens


@pytest.mark.parametrize("needle", ["", "a", "aab", "abab", '{"name":', "é€é"])
def test_text_without_a_string_is_every_text_that_does_not_contain_it(needle: str) -> None:
    grammar = Grammar.text(without=needle)
    alphabet = sorted(set(needle) | {"x"})
    texts = ["".join(chars) for size in range(7) for chars in itertools.product(alphabet[:3], repeat=size)]
    texts += [needle[:-1], needle, f"x{needle}x", needle[:-1] + needle[:-1], needle[:-1] + "x"]
    for text in texts:
        assert grammar.accepts(text) == (not needle or needle not in text), text
