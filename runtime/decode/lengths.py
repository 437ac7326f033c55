"""How long a canvas is: from the fewest and the most tokens that the grammar allows, and from what is expected."""

from __future__ import annotations

from dataclasses import dataclass

from agentfast.runtime.grammar.token_grammar import TokenGrammar


@dataclass(frozen=True, slots=True)
class CanvasLengths:
    """The lengths to choose from.

    Attributes:
        usual: of a canvas of which nothing is known.
        trained: the lengths that the model was trained on, rising; empty: every canvas has the usual one.
    """

    usual: int
    trained: tuple[int, ...] = ()

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
        if grammar is None or not self.trained:
            return self.usual
        shortest = grammar.min_tokens(state)
        if expected is None:
            expected = min(2 * shortest, self.usual) if shortest > 1 else self.usual
        wanted = max(expected, shortest)
        length = next((length for length in self.trained if length >= wanted), self.trained[-1])
        return min(length, max(self.trained[0], min(budget, grammar.max_tokens(state))))

    def shrunk(self, current: int, length: int) -> int:
        """What is worth computing of a canvas of `current` positions whose best completion takes `length`.

        A quarter of the shortest trained length stays as room to grow.
        """
        if not self.trained:
            return current
        return min(current, max(self.trained[0], length + self.trained[0] // 4))
