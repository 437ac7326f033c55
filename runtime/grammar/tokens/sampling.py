"""Instances of a grammar drawn at random, for people to look at."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar

SLACK: Final = 48
"""Most tokens that a sample has beyond the shortest instance."""
_MOST_WEIGHT: Final = 5  # of a state, however many tokens lead there: strings would hardly ever end


class Sampler:
    """Draws token sequences that the grammar accepts, each within a budget of its own.

    The next state is drawn first, one to which many tokens lead a few times as likely as one to which a single token
    does; then a class of tokens that leads there, then a token. Words are preferred, then printable ASCII without
    escapes. This is no uniform distribution over instances, and says nothing about what a model would write.
    """

    def __init__(self, grammar: TokenGrammar, seed: int = 0) -> None:
        self._grammar = grammar
        self._random = np.random.default_rng(seed)

    def draw(self) -> str:
        """One instance, of at most SLACK tokens more than the shortest one."""
        grammar = self._grammar
        state, written = grammar.start, bytearray()
        budget = grammar.min_tokens(state) + int(self._random.integers(0, SLACK + 1))
        while not grammar.is_done(state):
            choices = self._tokens_by_target(state, budget)
            weights = np.array([min(len(tokens), _MOST_WEIGHT) for tokens in choices.values()], np.float64)
            state = int(self._random.choice(list(choices), p=weights / weights.sum()))
            token = self._token(choices[state])
            written += grammar.vocabulary.tokens[token] or b""
            budget -= 1
        return written.decode()

    def _token(self, tokens: npt.NDArray[np.int64]) -> int:
        words = tokens[self._is_word[tokens]]
        tokens = words if len(words) else tokens
        of_token = self._grammar.classes.token_class[tokens]
        chosen = self._random.choice(np.unique(of_token))
        return int(self._random.choice(tokens[of_token == chosen]))

    def _tokens_by_target(self, state: int, budget: int) -> Mapping[int, npt.NDArray[np.int64]]:
        """Tokens by the state after them, for the states from which the end is near enough; plain tokens if any."""
        grammar, classes = self._grammar, self._grammar.classes
        members: dict[int, npt.NDArray[np.bool_]] = {}
        for target, label in grammar.edges(state):
            if grammar.min_tokens(target) < budget:
                members.setdefault(target, np.zeros(classes.count, np.bool_))[label] = True
        choices = {target: np.nonzero(alive[classes.token_class])[0] for target, alive in members.items()}
        plain = {target: tokens[self._is_plain[tokens]] for target, tokens in choices.items()}
        return {target: tokens for target, tokens in plain.items() if len(tokens)} or choices

    @cached_property
    def _is_plain(self) -> npt.NDArray[np.bool_]:
        """[V] whether a token is easy to read: printable ASCII without a backslash, or special."""
        return np.array(
            [
                token is None or (all(0x20 <= byte < 0x7F for byte in token) and b"\\" not in token)
                for token in self._grammar.vocabulary.tokens
            ]
        )

    @cached_property
    def _is_word(self) -> npt.NDArray[np.bool_]:
        """[V] whether a token is ASCII letters, digits and single spaces."""
        tokens = self._grammar.vocabulary.tokens
        return np.array([token is not None and token.replace(b" ", b"", 1).isalnum() for token in tokens])
