"""Small vocabularies, and texts split into their tokens at random."""

from __future__ import annotations

from hypothesis import strategies as st

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import TokenGrammar


def vocabulary_of(tokens: list[bytes], *, unused: int = 0) -> Vocabulary:
    """Tokens, <eos>, and ids that stand for nothing."""
    return Vocabulary((*tokens, *(None,) * (1 + unused)), {"<eos>": len(tokens)}, frozenset({len(tokens)}))


def ends(grammar: TokenGrammar, tokens: list[int]) -> bool:
    """True if the grammar accepts the tokens and an end token."""
    state = grammar.start
    for token in tokens:
        state = grammar.advance(state, token)
    return grammar.is_done(grammar.advance(state, grammar.vocabulary.special["<eos>"]))


def splits(data: st.DataObject, text: bytes, vocabulary: Vocabulary) -> list[int]:
    """A random way to write `text` in tokens; every single byte is one."""
    ids: list[int] = []
    while text:
        fitting = [i for i, token in enumerate(vocabulary.tokens) if token and text.startswith(token)]
        ids.append(data.draw(st.sampled_from(fitting)))
        text = text[len(vocabulary.tokens[ids[-1]] or b"") :]
    return ids
