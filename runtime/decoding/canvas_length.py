"""Canvas lengths, from the fewest and the most tokens that the grammar allows and from an expected number."""

from __future__ import annotations

from dataclasses import dataclass

from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar


@dataclass(frozen=True, slots=True)
class CanvasLengths:
    """The lengths to choose from.

    Attributes:
        usual: of a canvas of which nothing is known.
        choices: rising; empty: every canvas has the usual length.
    """

    usual: int
    choices: tuple[int, ...] = ()

    @property
    def longest(self) -> int:
        """Tokens of the longest canvas there may be."""
        return max((self.usual, *self.choices))

    def choose(
        self, grammar: TokenGrammar | None, state: int, budget: int, expected: int | None = None
    ) -> int:
        """The length of a new canvas, from the grammar's `state` with `budget` tokens left.

        Values take about as much room as what the grammar asks for at the least, so twice the shortest completion is
        expected; where the turn may end right here, that says nothing, and the usual length is. A shortest completion
        that is longer than usual is held at once. Positions that the grammar or the budget leaves no token for are
        not computed.

        Args:
            expected: tokens that are expected, the end token included, where a better guess is at hand.
        """
        if grammar is None or not self.choices:
            return self.usual
        shortest = grammar.min_tokens(state)
        if expected is None:
            expected = min(2 * shortest, self.usual) if shortest > 1 else self.usual
        wanted = max(expected, shortest)
        length = next((length for length in self.choices if length >= wanted), self.choices[-1])
        return min(length, max(self.choices[0], min(budget, grammar.max_tokens(state))))

    def shrunk(self, current: int, length: int) -> int:
        """Number of positions worth computing of a canvas of `current` positions whose best completion takes `length`.

        A quarter of the shortest choice stays as room to grow.
        """
        if not self.choices:
            return current
        return min(current, max(self.choices[0], length + self.choices[0] // 4))
