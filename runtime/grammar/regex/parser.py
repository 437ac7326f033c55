"""Parser of ECMA-262 regular expressions in Unicode mode (flag `u`, as JSON Schema says), as far as they are regular.

Read is everything but what is no regular language (back-references) and what depends on tables that Python lacks
(\\p{...} of anything but general categories). A construct that is refused is named with its place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.codepoints.sets import Intervals, complement, normalise
from agentfast.runtime.grammar.regex.charsets import NOT_LINE_END, SETS, property_set

MAX_REPEAT: Final = 10_000
"""Largest count in a quantifier: counts are unrolled."""


@dataclass(frozen=True)
class Chars:
    """One code point of a set."""

    intervals: Intervals


@dataclass(frozen=True)
class Anchor:
    """`^` or `$`."""

    at_start: bool


@dataclass(frozen=True)
class Boundary:
    """`\\b` or, negated, `\\B`."""

    negated: bool


@dataclass(frozen=True)
class Look:
    """Look-ahead or look-behind: a condition on the text after or before."""

    item: Regex
    behind: bool
    negated: bool


@dataclass(frozen=True)
class Concat:
    """One after the other."""

    parts: tuple[Regex, ...]


@dataclass(frozen=True)
class Union:
    """Any one of them."""

    options: tuple[Regex, ...]


@dataclass(frozen=True)
class Quantified:
    """From `least` to `most` times, `most` None without end."""

    item: Regex
    least: int
    most: int | None


Regex = Chars | Anchor | Boundary | Look | Concat | Union | Quantified

_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}
_QUANTIFIER = re.compile(r"(?:([*+?])|\{([0-9]+)(?:(,)([0-9]*))?\})\??")
_CODE = re.compile(r"x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]+)\}|u([0-9A-Fa-f]{4})|c([A-Za-z])")
_LOW_SURROGATE = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")
_PROPERTY = re.compile(r"([pP])\{([^{}]*)\}")
_ASSERTION = re.compile(r"[$^]|\\[bB]|\(\?<?[=!]")
_GROUP = re.compile(r"\?(?:(:)|(=)|(!)|(<=)|(<!)|P?<([A-Za-z_$][\w$]*)>)")


def parse_regex(pattern: str) -> Regex:
    """Read a pattern.

    Raises:
        GrammarError: it is malformed or uses what is refused; the message says which, and where.
    """
    reader = _Reader(pattern)
    result = reader.union()
    if reader.peek():
        raise GrammarError(f"unbalanced ')' at {reader.at}")
    return result


class _Reader:
    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.at = 0
        self.names: set[str] = set()
        self.around: list[str] = []  # the look-around that what is read now is in

    def peek(self, count: int = 1) -> str:
        return self.pattern[self.at : self.at + count]

    def take(self) -> str:
        if self.at >= len(self.pattern):
            raise GrammarError("the pattern ends too early")
        self.at += 1
        return self.pattern[self.at - 1]

    def union(self) -> Regex:
        options = [self.concat()]
        while self.peek() == "|":
            self.at += 1
            options.append(self.concat())
        return options[0] if len(options) == 1 else Union(tuple(options))

    def concat(self) -> Regex:
        parts: list[Regex] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.quantified())
        return parts[0] if len(parts) == 1 else Concat(tuple(parts))

    def quantified(self) -> Regex:
        start = self.at
        item = self.atom()
        match = _QUANTIFIER.match(self.pattern, self.at)
        if match is None:
            return item
        if _ASSERTION.match(self.pattern, start):
            raise GrammarError(f"nothing to repeat at {self.at}")
        self.at = match.end()
        symbol, low, comma, high = match.groups()
        if symbol:
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[symbol]
        else:
            least = int(low)
            most = least if comma is None else int(high) if high else None
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise GrammarError(f"quantifier {match[0]!r} is out of order or above {MAX_REPEAT}")
        if _QUANTIFIER.match(self.pattern, self.at):
            raise GrammarError(f"nothing to repeat at {self.at}")
        return Quantified(item, least, most)

    def atom(self) -> Regex:
        char = self.take()
        match char:
            case "(":
                return self.group()
            case "[":
                return Chars(self.char_class())
            case ".":
                return Chars(NOT_LINE_END)
            case "^" | "$":
                return Anchor(char == "^")
            case "\\" if self.peek() in ("b", "B"):
                return Boundary(self.take() == "B")
            case "\\":
                return Chars(self.escape(in_class=False))
            case "*" | "+" | "?":
                raise GrammarError(f"nothing to repeat at {self.at - 1}")
            case "{" | "}" | "]":
                raise GrammarError(f"a lone {char!r} must be escaped: at {self.at - 1}")
            case _:
                return Chars(_one(ord(char)))

    def group(self) -> Regex:
        start = self.at - 1
        kind: str | None = None
        if self.peek() == "?":
            match = _GROUP.match(self.pattern, self.at)
            if match is None:
                raise GrammarError(f"the group '({self.peek(3)}' at {start} is not read: flags are not")
            self.at = match.end()
            kind, name = next((g for g in match.groups()[1:5] if g), None), match[6]
            if name is not None and name in self.names:
                raise GrammarError(f"a second group {name!r} at {start}")
            self.names.add(name or "")
        if kind is not None and self.around and "<" in kind + self.around[-1]:
            raise GrammarError(f"look-behind with or within other look-around, at {start}, is not read")
        self.around += [kind] if kind else []
        result = self.union()
        del self.around[len(self.around) - (kind is not None) :]
        if self.peek() != ")":
            raise GrammarError(f"unbalanced '(' at {start}")
        self.at += 1
        return result if kind is None else Look(result, behind="<" in kind, negated="!" in kind)

    def char_class(self) -> Intervals:
        negated = self.peek() == "^"
        self.at += negated
        intervals: list[tuple[int, int]] = []
        while self.peek() != "]":
            low = self.class_atom()
            if self.peek() == "-" and self.peek(2)[1:] not in ("", "]"):
                self.at += 1
                high = self.class_atom()
                first, last = _single(low), _single(high)
                if first is None or last is None or first > last:
                    raise GrammarError(f"bad range in a character class before {self.at}")
                intervals.append((first, last))
            else:
                intervals += low
        self.at += 1
        found = normalise(intervals)
        return complement(found) if negated else found

    def class_atom(self) -> Intervals:
        char = self.take()
        return self.escape(in_class=True) if char == "\\" else _one(ord(char))

    def escape(self, *, in_class: bool) -> Intervals:
        start = self.at - 1
        if code := _CODE.match(self.pattern, self.at):
            self.at = code.end()
            return self.coded(code)
        if named := _PROPERTY.match(self.pattern, self.at):
            self.at = named.end()
            try:
                return property_set(named[2], negated=named[1] == "P")
            except GrammarError as error:
                raise GrammarError(f"{error.message}: at {start}") from error
        char = self.take()
        if char in SETS:
            return SETS[char]
        if char in "123456789k":
            raise GrammarError(f"the back-reference '\\{char}' at {start} is not regular")
        if char == "0" and self.peek().isdigit():
            raise GrammarError(f"octal escapes are not read: at {start}")
        if char in _CONTROLS:
            return _one(_CONTROLS[char])
        if char == "b" and in_class:
            return _one(0x08)
        if not (char.isascii() and char.isalnum()):
            return _one(ord(char))
        raise GrammarError(f"the escape '\\{char}' is not read: at {start}")

    def coded(self, match: re.Match[str]) -> Intervals:
        two, braced, four, control = match.groups()
        if control:
            return _one(ord(control) % 32)
        value = int(two or braced or four, 16)
        if four and 0xD800 <= value <= 0xDBFF:
            low = _LOW_SURROGATE.match(self.pattern, self.at)
            if low is not None:
                self.at = low.end()
                value = 0x10000 + ((value - 0xD800) << 10) + int(low[1], 16) - 0xDC00
        if value > 0x10FFFF:
            raise GrammarError(f"there is no code point {value:x}")
        return _one(value)


def _one(code: int) -> Intervals:
    return ((code, code),)


def _single(intervals: Intervals) -> int | None:
    return intervals[0][0] if len(intervals) == 1 and intervals[0][0] == intervals[0][1] else None
