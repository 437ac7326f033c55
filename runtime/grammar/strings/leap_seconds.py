"""Leap seconds in RFC 3339's notation: 60th seconds at 23:59:60 in UTC."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from agentfast.runtime.grammar.codepoints.automaton import States
from agentfast.runtime.grammar.codepoints.lazy_automaton import LazyAutomaton
from agentfast.runtime.grammar.codepoints.length_sets import EVERY_LENGTH, NO_LENGTH

_DAY: Final = 24 * 60


class _State(NamedTuple):
    """Position in the text: "date", "clock" and its text so far, "fraction" and the clock's time in minutes, "rest" and the
    text that must follow, "dead"."""

    part: str
    text: str = ""
    minute: int = 0


_DEAD: Final = _State("dead")


@cache
def leap_seconds(*, after_date: bool) -> States:
    """Texts that go on as `hh:mm:60` and then, behind a fraction, with an offset by which it is 23:59 in UTC.

    The time of day must be kept until the offset is read, so there are some ten thousand states.

    Args:
        after_date: the time is behind the first T; else it is all of the text.
    """

    def row_of(state: _State) -> list[tuple[int, _State]]:
        other = state if state.part == "date" else _DEAD
        row = [(0, other)]
        for char, to in sorted(_moves(state).items()):
            if row[-1][0] == ord(char):
                row.pop()
            row += [(ord(char), to), (ord(char) + 1, other)]
        return row

    def lengths_of(state: _State) -> tuple[int, ...]:
        return EVERY_LENGTH if state == _State("rest") else NO_LENGTH

    return LazyAutomaton(_State("date" if after_date else "clock"), row_of, lengths_of)


def _moves(state: _State) -> dict[str, _State]:
    match state.part:
        case "date":
            return dict.fromkeys("Tt", _State("clock"))
        case "clock":
            return _clock(state.text)
        case "fraction":
            moves = dict.fromkeys(".0123456789", state)
            moves["+"] = _State("rest", _offset(state.minute + 1))
            moves["-"] = _State("rest", _offset(-state.minute - 1))
            return moves | (dict.fromkeys("Zz", _State("rest")) if state.minute == _DAY - 1 else {})
        case "rest" if state.text:
            return {state.text[0]: _State("rest", state.text[1:])}
        case _:
            return {}


def _clock(text: str) -> dict[str, _State]:
    """The next character of `hh:mm:60`."""
    allowed = ("012", "0123456789" if text[:1] != "2" else "0123", ":", "012345", "0123456789", ":", "6", "0")
    moves = {char: _State("clock", text + char) for char in allowed[len(text)]}
    if len(text) == 7:
        moves["0"] = _State("fraction", minute=60 * int(text[:2]) + int(text[3:5]))
    return moves


def _offset(minutes: int) -> str:
    hours, minutes = divmod(minutes % _DAY, 60)
    return f"{hours:02}:{minutes:02}"
