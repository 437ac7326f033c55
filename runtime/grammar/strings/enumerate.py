"""Emptiness and enumeration of an automaton's texts."""

from __future__ import annotations

from bisect import bisect_right
from functools import lru_cache

from agentfast.runtime.grammar.codepoints.automaton import CodepointAutomaton
from agentfast.runtime.grammar.codepoints.length_sets import holds


class Liveness:
    """States from which a text can still be completed, by the number of code points so far."""

    def __init__(self, automaton: CodepointAutomaton) -> None:
        self._targets = [sum(1 << to for to in {to for _, to in row}) for row in automaton.rows]
        self._froms: list[int] = []  # where each run of counts with one answer begins
        self._masks: list[int] = []  # the states of the run, as bits
        cuts = sorted({0, *(cut for lengths in automaton.lengths for cut in lengths)})
        alive = 0
        for low, after in reversed(list(zip(cuts, [*cuts[1:], None], strict=True))):
            accepting = sum(1 << q for q, lengths in enumerate(automaton.lengths) if holds(lengths, low))
            if after is None:
                alive = self._closed(accepting)
                count = low
            else:
                alive, count = accepting | self._sources(alive), after - 1
            self._add(count, alive)
            while count > low:
                before, alive = alive, accepting | self._sources(alive)
                count = low if alive == before else count - 1
                self._add(count, alive)
        self._froms.reverse()
        self._masks.reverse()

    def alive(self, count: int) -> int:
        """The states, as bits, from which a text of `count` code points so far can be completed."""
        return self._masks[bisect_right(self._froms, count) - 1]

    @property
    def starts(self) -> bool:
        """True if there is any text."""
        return bool(self.alive(0) & 1)

    def _add(self, count: int, alive: int) -> None:
        if self._masks and self._masks[-1] == alive:
            self._froms[-1] = count
        else:
            self._froms.append(count)
            self._masks.append(alive)

    def _closed(self, alive: int) -> int:
        while (more := alive | self._sources(alive)) != alive:
            alive = more
        return alive

    def _sources(self, states: int) -> int:
        """States that lead into one of `states` by one code point."""
        return sum(1 << source for source, targets in enumerate(self._targets) if targets & states)


@lru_cache(maxsize=256)
def liveness_of(automaton: CodepointAutomaton) -> Liveness:
    """The automaton's liveness, or find it."""
    return Liveness(automaton)


def enumerate_texts(automaton: CodepointAutomaton, limit: int) -> tuple[str, ...] | None:
    """All texts, shorter ones first, then in order of code points; None if there are more than `limit`."""
    liveness = liveness_of(automaton)
    found: list[str] = []
    level = [("", 0)] if liveness.starts else []
    size = 0
    while level:
        found += [text for text, state in level if holds(automaton.lengths[state], size)]
        size += 1
        moves = [
            (text, low, high, to)
            for text, state in level
            for low, high, to in automaton.ranges(state)
            if liveness.alive(size) >> to & 1
        ]
        # Texts of one size that can be completed have different completions.
        if max(len(found), sum(high - low + 1 for _, low, high, _ in moves)) > limit:
            return None
        level = [(text + chr(code), to) for text, low, high, to in moves for code in range(low, high + 1)]
    return tuple(found)
