"""What a large vocabulary does, walked subtree by subtree, against every token read byte by byte.

The other properties have vocabularies so small that no subtree is ever kept; here most are.
"""

from __future__ import annotations

import itertools
import re
from typing import Any, Final

import pytest

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar.automaton.automaton import Automaton
from agentfast.runtime.grammar.tokens.token_grammar import DEAD

QUOTE: Final = "<quote>"
EOS: Final = "<eos>"
BYTES: Final = [b"a", b"b", b'"', b":", b",", b"{", b"}", b"1", b"\\", b" ", b"\xc3", b"\xa9"]
TOKENS: Final = sorted(
    {
        b"".join(parts)
        for length, letters in ((1, 12), (2, 12), (3, 7), (4, 4), (5, 3))
        for parts in itertools.product(BYTES[:letters], repeat=length)
    }
)
VOCABULARY: Final = Vocabulary(
    (*TOKENS, None, None),
    {QUOTE: len(TOKENS), EOS: len(TOKENS) + 1},
    frozenset({len(TOKENS) + 1}),
)

STRING: Final[dict[str, Any]] = {"type": "string"}
SCHEMAS: Final[dict[str, Any]] = {
    "any string": STRING,
    "a string of 1 or more": STRING | {"minLength": 1},
    "a string of 2 to 3": STRING | {"minLength": 2, "maxLength": 3},
    "limits that differ": {"anyOf": [STRING | {"maxLength": 3}, STRING | {"pattern": "^a"}, {"enum": ["bbbb"]}]},
    "all but a pattern": STRING | {"not": {"pattern": "^(ab|ba)+$"}},
    "all but the short of a pattern": STRING | {"not": {"pattern": "^[ab]*$", "maxLength": 3}},
    "a map": {"type": "object", "additionalProperties": {"anyOf": [STRING, {"const": 1}]}},
    "a map of maps": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": STRING}},
    "named and others": {
        "type": "object",
        "properties": {"a": STRING, "ab": {"const": 1}},
        "additionalProperties": STRING | {"maxLength": 2},
    },
}  # fmt: skip
GRAMMARS: Final = {
    **{name: compile_schema(schema) for name, schema in SCHEMAS.items()},
    **{f"{name}, native": compile_schema(s).in_native_notation(QUOTE) for name, s in SCHEMAS.items()},
    "text": Grammar.text(without="ab") + Grammar.special(QUOTE) + Grammar.text(most=2),
}


def differences(grammar: Grammar, lifted: TokenGrammar) -> list[tuple[bytes, str]]:
    """Tokens that lead elsewhere than their bytes do, wherever any tokens lead."""
    reader = _Reader(grammar)
    seen = {lifted.start: reader.start}
    found: list[tuple[bytes, str]] = []
    for state in (order := [lifted.start]):  # grows while it is read
        tokens: list[bytes | str] = [*TOKENS, QUOTE]
        for index, token in enumerate(tokens):
            after = lifted.advance(state, index)
            expected = reader.after(seen[state], token)
            if (after == DEAD) != (not reader.is_alive(expected)):
                found.append((bytes(token) if isinstance(token, bytes) else b"", "dead or alive"))
            elif after != DEAD and after not in seen:
                seen[after] = expected
                order.append(after)
        ends = lifted.advance(state, lifted.vocabulary.special[EOS]) != DEAD
        if ends != reader.is_accepting(seen[state]):
            found.append((b"", "end"))
    return found


class _Reader:
    """The grammar byte by byte, as it is read."""

    def __init__(self, grammar: Grammar) -> None:
        self._automaton = Automaton(grammar.node, max_depth=None, max_states=100_000, blocks=False)
        self.start = self._automaton.start
        self._alive: dict[int, bool] = {}

    def after(self, state: int, token: bytes | str) -> int:
        if isinstance(token, str):
            return self._automaton.specials(state).get(token, -1) if state >= 0 else -1
        for byte in token:
            if state < 0:
                break
            state = self._automaton.step(state, byte)
        return state

    def is_accepting(self, state: int) -> bool:
        return self._automaton.is_accepting(state)

    def is_alive(self, state: int) -> bool:
        """Whether anything that the vocabulary can write leads from a state to acceptance."""
        if state < 0:
            return False
        if state not in self._alive:
            reached, pending = {state}, [state]
            for current in pending:  # grows while it is read
                if self._automaton.is_accepting(current):
                    break
                steps = {self.after(current, token) for token in BYTES} | {self.after(current, QUOTE)}
                steps -= reached | {-1}
                reached |= steps
                pending.extend(steps)
            self._alive[state] = any(map(self._automaton.is_accepting, reached))
        return self._alive[state]


@pytest.mark.parametrize("name", GRAMMARS)
def test_every_token_leads_where_its_bytes_lead(name: str) -> None:
    lifted = GRAMMARS[name].compile(VOCABULARY, "")
    assert lifted.state_count > 2
    assert not differences(GRAMMARS[name], lifted)


def test_a_wrong_lifting_would_be_seen() -> None:
    lifted = compile_schema(STRING | {"maxLength": 3}).compile(VOCABULARY, "")
    wrong = differences(compile_schema(STRING | {"maxLength": 2}), lifted)
    assert any(re.fullmatch(rb"[ab]+", token) for token, _ in wrong)
