"""A reader for the part of ECMA-262 regular expressions (Unicode mode) that is regular.

Read: literals, `.`, classes, \\d \\w \\s and their complements (ASCII, as ECMA has it; \\s with Unicode spaces), groups,
alternation, greedy and lazy quantifiers, `^` and `$` anywhere, \\t \\n \\v \\f \\r \\0 \\cX \\xHH \\uHHHH \\u{H}.
Refused: look-around, back-references, word boundaries, \\p{...}, flags.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.codepoints import Intervals, complement, normalise

MAX_REPEAT: Final = 1000
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


Regex = Chars | Anchor | Concat | Union | Quantified

_DIGIT = ((0x30, 0x39),)
_WORD = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACES = ((0x09, 0x0D), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029))
_SPACE = normalise((*_SPACES, (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)))
_NOT_LINE_END = complement(((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029)))
_LOWER: dict[str, Intervals] = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_SETS = _LOWER | {name.upper(): complement(intervals) for name, intervals in _LOWER.items()}
_CONTROLS = {"t": 0x09, "n": 0x0A, "v": 0x0B, "f": 0x0C, "r": 0x0D, "0": 0x00}
_QUANTIFIER = re.compile(r"(?:([*+?])|\{(\d+)(?:(,)(\d*))?\})\??")
_CODE = re.compile(r"x([0-9A-Fa-f]{2})|u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|c([A-Za-z])")
_LOW_SURROGATE = re.compile(r"\\u([Dd][C-Fc-f][0-9A-Fa-f]{2})")


def parse_regex(pattern: str) -> Regex:
    """Read a pattern.

    Raises:
        GrammarError: it is malformed or uses what is refused; the message says which.
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
        if isinstance(item, Anchor) or self.pattern[start] in "*+?":
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
        if char == "(":
            return self.group()
        if char == "[":
            return Chars(self.char_class())
        if char == ".":
            return Chars(_NOT_LINE_END)
        if char in "^$":
            return Anchor(char == "^")
        if char == "\\":
            return Chars(self.escape(in_class=False))
        if char in "*+?":
            raise GrammarError(f"nothing to repeat at {self.at - 1}")
        return Chars(_one(ord(char)))

    def group(self) -> Regex:
        if self.peek() == "?":
            named = re.compile(r"\?(?::|<([A-Za-z_$][\w$]*)>)").match(self.pattern, self.at)
            if named is None:
                raise GrammarError(
                    f"look-around and inline flags are not regular: '({self.peek(3)}' at {self.at - 1}"
                )
            self.at = named.end()
        result = self.union()
        if self.peek() != ")":
            raise GrammarError("unbalanced '('")
        self.at += 1
        return result

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
        code = _CODE.match(self.pattern, self.at)
        if code is not None:
            self.at = code.end()
            return self.coded(code.groups())
        char = self.take()
        if char in _SETS:
            return _SETS[char]
        if char == "0" and self.peek().isdigit():
            raise GrammarError(f"octal escapes are not read: at {self.at - 2}")
        if char in _CONTROLS:
            return _one(_CONTROLS[char])
        if char == "b" and in_class:
            return _one(0x08)
        if not (char.isascii() and char.isalnum()):
            return _one(ord(char))
        raise GrammarError(f"the escape '\\{char}' is not read: at {self.at - 2}")

    def coded(self, groups: Sequence[str | None]) -> Intervals:
        two, braced, four, control = groups
        if control:
            return _one(ord(control) % 32)
        value = int(two or braced or four or "0", 16)
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
