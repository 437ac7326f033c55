"""DFA of a regular expression: subset construction over its NFA, with conditions on the way.

A condition (an anchor, a word boundary, look-around) is a free step that is open or not by what lies before and after.
What lies before is known: it is part of the state, for look-behind as the state of a search of its own. Of what lies
after, the next code point is known when it is read, which settles anchors and boundaries; look-ahead becomes a duty
that the thread carries: another automaton, which must accept the rest of the text.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from agentfast.runtime.grammar.codepoints.automaton import CodepointAutomaton, complement, explore, state_in
from agentfast.runtime.grammar.codepoints.length_sets import EVERY_LENGTH, NO_LENGTH
from agentfast.runtime.grammar.codepoints.sets import LAST, WORD
from agentfast.runtime.grammar.regex import parser as regex
from agentfast.runtime.grammar.regex.nfa import Condition, Nfa, contains, looks_in

Side = Literal["edge", "word", "other"]
"""Neighbour of a position in the text: an end of the text, a word character, another one."""

Duty = tuple[int, int]
"""An automaton, by number, and its state: it must accept the rest of the text."""


class Thread(NamedTuple):
    """A way through the NFA: its state, and its duties."""

    nfa_state: int
    duties: frozenset[Duty] = frozenset()


class State(NamedTuple):
    """State of the DFA: threads, the neighbour before, and a state of each look-behind's search."""

    threads: frozenset[Thread]
    before: Side
    behind: tuple[State, ...]


FOUND: Final = State(frozenset([Thread(-1)]), "edge", ())
"""There was a match, and anything may follow."""


@lru_cache(maxsize=1024)
def automaton_of(expression: regex.Regex) -> CodepointAutomaton:
    """Texts that a regular expression matches: somewhere in them, unless it has anchors (ECMA `test`).

    Raises:
        GrammarError: the expression is too large or takes too many states.
    """
    return SubsetConstruction(expression, open_end=True).automaton()


class SubsetConstruction:
    """Subset construction of a search for an expression from the left."""

    def __init__(
        self, expression: regex.Regex, *, before: Side = "edge", search: bool = True, open_end: bool
    ) -> None:
        """
        Args:
            before: what lies before the text.
            search: whether the match may begin anywhere, else only at the start.
            open_end: whether anything may follow it.

        Raises:
            GrammarError: the expression is too large.
        """
        looks = looks_in(expression)
        assert open_end or not looks, "look-around within look-behind"
        assert search or not any(look.behind for look in looks), "look-behind within look-ahead"
        self._nfa = Nfa(expression, search=search)
        self._open_end = open_end
        self._sees_words = contains(expression, regex.Boundary)
        self._sees_edge = self._sees_words or contains(expression, regex.Anchor)
        self._searches = {
            look: SubsetConstruction(look.item, open_end=False) for look in looks if look.behind
        }
        self._duties: list[CodepointAutomaton] = []
        self._duty_ids: dict[tuple[regex.Look, Side], int] = {}
        self._states: dict[State, State] = {}
        behind = tuple(search.start for search in self._searches.values())
        self.start: State = self._settled(frozenset([Thread(0)]), before, behind)

    def automaton(self) -> CodepointAutomaton:
        """The minimal DFA.

        Raises:
            GrammarError: too many states are needed.
        """
        return explore(
            self.start, self.row, lambda state: EVERY_LENGTH if self.matched(state, "edge") else NO_LENGTH
        )

    def matched(self, state: State, after: Side) -> bool:
        """Test whether a match ends here, before what lies after."""
        return state is FOUND or any(
            thread.nfa_state == self._nfa.final
            and all(self._duties[index].lengths[at] == EVERY_LENGTH for index, at in thread.duties)
            for thread in self._open(state, after)
        )

    def row(self, state: State) -> list[tuple[int, State]]:
        """The states after each code point, as (first code point, state)."""
        if state is FOUND:
            return [(0, FOUND)]
        sides: tuple[Side, ...] = ("word", "other") if self._sees_words else ("other",)
        opened: dict[Side, set[Thread]] = {side: self._open(state, side) for side in sides}
        behind = [search.row(at) for search, at in zip(self._searches.values(), state.behind, strict=True)]
        cuts = self._cuts(opened, behind)
        after = {side: self._steps(threads, cuts) for side, threads in opened.items()}
        row: list[tuple[int, State]] = []
        for index, code in enumerate(cuts):
            side: Side = "word" if self._sees_words and _is_word(code) else "other"
            moved = (self._dutiful(thread, code) for thread in after[side][index])
            threads = frozenset(thread for thread in moved if thread is not None)
            row.append((code, self._settled(threads, side, tuple(state_in(found, code) for found in behind))))
        return row

    def _cuts(self, opened: dict[Side, set[Thread]], behind: list[list[tuple[int, State]]]) -> list[int]:
        """The first code points of runs that are all treated alike."""
        threads = {thread for found in opened.values() for thread in found}
        cuts = {first for found in behind for first, _ in found}
        for thread in threads:
            cuts.update(
                cut for over, _ in self._nfa.takes[thread.nfa_state] for a, b in over for cut in (a, b + 1)
            )
            cuts.update(first for index, at in thread.duties for first, _ in self._duties[index].rows[at])
        if self._sees_words:
            cuts.update(cut for low, high in WORD for cut in (low, high + 1))
        return sorted(cut for cut in cuts | {0} if cut <= LAST)

    def _steps(self, threads: set[Thread], cuts: list[int]) -> list[list[Thread]]:
        """Per run of code points, where the threads go, their duties as they were."""
        result: list[list[Thread]] = [[] for _ in cuts]
        for thread in threads:
            for over, to in self._nfa.takes[thread.nfa_state]:
                moved = Thread(to, thread.duties)
                for low, high in over:
                    for index in range(bisect_left(cuts, low), bisect_left(cuts, high + 1)):
                        result[index].append(moved)
            if thread.nfa_state == self._nfa.final and self._open_end:
                for found in result:
                    found.append(thread)
        return result

    def _dutiful(self, thread: Thread, code: int) -> Thread | None:
        """The thread with its duties after a code point; None if they cannot be met."""
        if not thread.duties:
            return thread
        duties: set[Duty] = set()
        for index, at in thread.duties:
            automaton = self._duties[index]
            to = automaton.step(at, code)
            if automaton.is_dead(to):
                return None
            if not automaton.is_universal(to):
                duties.add((index, to))
        return Thread(thread.nfa_state, frozenset(duties))

    def _settled(self, threads: frozenset[Thread], before: Side, behind: tuple[State, ...]) -> State:
        """The state of threads, without differences that make none."""
        if not self._sees_words and before == "word":
            before = "other"
        if not self._sees_edge:
            before = "other"
        key = State(threads, before, behind)
        known = self._states.get(key)
        if known is None:
            known = self._states[key] = self._reduced(key)
        return known

    def _reduced(self, state: State) -> State:
        at_start = state.before == "edge"
        reached = {
            Thread(nfa_state, thread.duties)
            for thread in state.threads
            for nfa_state in self._nfa.reach(thread.nfa_state, at_start=at_start)
        }
        if self._open_end and Thread(self._nfa.final) in reached:
            return FOUND
        free = {thread.nfa_state for thread in reached if not thread.duties}
        reached = {thread for thread in reached if not thread.duties or thread.nfa_state not in free}
        return State(frozenset(reached), state.before, state.behind)

    def _open(self, state: State, after: Side) -> set[Thread]:
        """The threads of a state and those behind conditions that hold."""
        seen = set(state.threads)
        pending = list(seen)
        while pending:
            thread = pending.pop()
            for condition, to in self._nfa.free[thread.nfa_state]:
                moved = None if condition is None else self._passed(condition, thread, to, state, after)
                if moved is not None:
                    nfa_states = self._nfa.reach(to, at_start=state.before == "edge")
                    more = {Thread(nfa_state, moved.duties) for nfa_state in nfa_states} - seen
                    seen |= more
                    pending += more
        if self._open_end and Thread(self._nfa.final) in seen:
            return {Thread(self._nfa.final)}
        return seen

    def _passed(
        self, condition: Condition, thread: Thread, to: int, state: State, after: Side
    ) -> Thread | None:
        """The thread behind a condition; None where that does not hold."""
        match condition:
            case regex.Anchor():
                holds = (state.before if condition.at_start else after) == "edge"
            case regex.Boundary():
                holds = ((state.before == "word") != (after == "word")) != condition.negated
            case regex.Look(behind=True):
                index = list(self._searches).index(condition)
                search = self._searches[condition]
                holds = search.matched(state.behind[index], after) != condition.negated
            case regex.Look():
                return self._with_duty(condition, thread, to, state.before)
        return Thread(to, thread.duties) if holds else None

    def _with_duty(self, look: regex.Look, thread: Thread, to: int, before: Side) -> Thread | None:
        index = self._duty_ids.get((look, before))
        if index is None:
            found = SubsetConstruction(look.item, before=before, search=False, open_end=True).automaton()
            index = self._duty_ids[look, before] = len(self._duties)
            self._duties.append(complement(found) if look.negated else found)
        automaton = self._duties[index]
        if automaton.is_dead(0):
            return None
        return Thread(to, thread.duties if automaton.is_universal(0) else thread.duties | {(index, 0)})


def _is_word(code: int) -> bool:
    return any(low <= code <= high for low, high in WORD)
