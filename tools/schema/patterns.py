"""Patterns of texts that pydantic's types take: ECMA-262, anchored, each within what the type's validator takes."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from typing import Final

ASCII: Final = r"^[\x00-\x7F]*$"
STRIPPED: Final = r"^(?:[^\s\x1C-\x1F\x85](?:[^]*[^\s\x1C-\x1F\x85])?)?$"
"""Texts without whitespace at their ends, as Rust, Python and ECMA-262 know it."""
INTEGER: Final = r"^(?:0|-?[1-9]\d*)$"
NUMBER: Final = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?$"
FRACTION: Final = r"^-?\d+(?:/[1-9]\d*)?$"
COMPLEX: Final = r"^-?\d+(?:\.\d+)?(?:[+-]\d+(?:\.\d+)?)?j$|^-?\d+(?:\.\d+)?$"

_SPECIAL_USE: Final = ("alt", "arpa", "example", "internal", "invalid", "local", "localhost", "onion", "test")
_LABEL: Final = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_TOP: Final = r"[A-Za-z](?:-?[A-Za-z0-9])*"
_IPV4: Final = r"(?:(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])\.){3}(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
_HOST: Final = rf"(?:(?:{_LABEL}\.)*{_TOP}|{_IPV4})"
_PORT: Final = r"(?::(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}))?"
_USER_CHAR: Final = r"[A-Za-z0-9._~!$&'()*+;=-]"
_PATH_CHAR: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})"
EMAIL: Final = (
    rf"^[A-Za-z0-9]+(?:[._+-][A-Za-z0-9]+)*@(?:{_LABEL}\.)+(?!(?:{'|'.join(_SPECIAL_USE)})$)[A-Za-z]{{2,24}}$"
)


def url(schemes: Iterable[str] | None, *, hosts: bool = False) -> str:
    """URLs of these schemes with an authority: ASCII hosts, ports up to 64999. None: any scheme.

    Args:
        hosts: there may be several, between commas.
    """
    known = tuple(schemes or ())
    scheme = "|".join(_literal(name) for name in known) or r"[a-z][a-z0-9+.-]*"
    tail = rf"(?:/{_PATH_CHAR}*)?(?:#{_PATH_CHAR}*)?"
    if known == ("file",):
        return rf"^file://{_HOST}?/{_PATH_CHAR}*(?:#{_PATH_CHAR}*)?$"
    user = rf"(?:{_USER_CHAR}+(?::{_USER_CHAR}*)?@)?"
    more = rf"(?:,{_HOST}{_PORT})*" if hosts else ""
    return rf"^(?:{scheme})://{user}{_HOST}{_PORT}{more}{tail}$"


def _literal(text: str) -> str:
    return "".join(char if char.isalnum() or char in "_/" else f"\\{char}" for char in text)


def words(texts: Iterable[str]) -> str:
    """One of these texts, told apart letter by letter, so that the automaton is made in no time."""
    by_first: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        by_first.setdefault(text[:1], []).append(text[1:])
    found = [_literal(first) + words(rest) for first, rest in by_first.items() if first]
    optional = "?" if "" in by_first and found else ""
    return f"(?:{'|'.join(found)}){optional}" if len(found) > 1 or optional else "".join(found)


def decimal(max_digits: int | None, places: int | None, *, signed: bool = True) -> str:
    """Decimals of at most so many digits in all, and so many after the point."""
    sign = "-?" if signed else ""
    if max_digits is not None and max_digits == places:
        return rf"^{sign}0\.\d{{1,{places}}}$"
    if max_digits is None:
        fraction = r"(?:\.\d+)?" if places is None else _fraction(places)
        return rf"^{sign}(?:0|[1-9]\d*){fraction}$"
    if places is not None:
        return rf"^{sign}{_whole(max_digits - places)}{_fraction(min(places, max_digits))}$"
    cases = [rf"{_whole(whole)}{_fraction(max_digits - whole)}" for whole in range(1, max_digits + 1)]
    return rf"^{sign}(?:{'|'.join(cases)})$"


def _whole(digits: int) -> str:
    return rf"(?:0|[1-9]\d{{0,{digits - 1}}})" if digits > 0 else "0"


def _fraction(digits: int) -> str:
    return rf"(?:\.\d{{1,{digits}}})?" if digits > 0 else ""


def base64_bytes(alphabet: str) -> str:
    """Base64 of any bytes, the bits that are left over 0; `alphabet` is the 62nd and 63rd character."""
    any_, two, four = (_letters(alphabet, without=mask) for mask in (0, 0b001111, 0b000011))
    return rf"^(?:{any_}{{4}})*(?:{any_}{two}==|{any_}{any_}{four}=)?$"


def base64_text(alphabet: str) -> str:
    """Base64 of ASCII texts. Which characters may come is a matter of the bits that they stand for.

    Args:
        alphabet: the 62nd and 63rd character.
    """
    first, second, third, last = (
        _letters(alphabet, without=mask) for mask in (0b100000, 0b001000, 0b000010, 0)
    )
    two, four = _letters(alphabet, without=0b001111), _letters(alphabet, without=0b000011)
    return rf"^(?:{first}{second}{third}{last})*(?:{first}{two}==|{first}{second}{four}=)?$"


def _letters(alphabet: str, *, without: int) -> str:
    """Characters of base64 that stand for six bits of which none of a mask is set."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + alphabet
    found = "".join(letter for value, letter in enumerate(letters) if not value & without)
    return "[" + found.replace("-", r"\-") + "]"


def time_zones() -> str:
    """Names of the time zones that this machine knows."""
    return f"^{words(zoneinfo.available_timezones())}$"


def byte_sizes(units: Iterable[str]) -> str:
    """A number and a unit; `units` in lower case."""
    names = (name if "bit" in name else name.upper().replace("I", "i") for name in units)
    return rf"^\d{{1,15}}(?:\.\d{{1,6}})? ?(?:{'|'.join(names)})?$"


def colors(names: Iterable[str]) -> str:
    """CSS colors by name or in hexadecimal."""
    return rf"^(?:#(?:[0-9A-Fa-f]{{3}}|[0-9A-Fa-f]{{6}})|{words(names)})$"


def _regular_expression() -> str:
    """Regular expressions that Python compiles: atoms and their repetitions, groups up to two deep."""
    literal = r"[A-Za-z0-9 _,:;/@#%&=!~'\"<>-]"
    escape = r"\\[dDwWsS.^$*+?()\[\]{}|\\/nt-]"
    members = r"(?:[A-Za-z0-9_ .,:;@/]|A-Z|a-z|0-9|\\[dws.^\]\\-])"
    atom = rf"(?:{literal}|{escape}|\.|\[\^?{members}+\])"
    times = r"(?:(?:[*+?]|\{\d{1,2},?\})\??)?"
    anchor = r"(?:\^|\$|\\b)"
    found = rf"(?:{atom}{times}|{anchor})*"
    for _ in range(2):
        group = rf"\((?:\?:)?{found}(?:\|{found})*\)"
        found = rf"(?:(?:{atom}|{group}){times}|{anchor})*"
    return rf"^{found}(?:\|{found})*$"


REGULAR_EXPRESSION: Final = _regular_expression()
