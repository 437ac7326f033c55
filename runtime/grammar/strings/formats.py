"""String formats: exactly the language that each comment states, and the part that is generated where that is less.

Generated is a part that takes few automaton states and is what one writes: no leap seconds, no quoted mail addresses,
no addresses in brackets. All of the language is accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Format:
    """A format by regular expressions that must all match the whole string.

    Attributes:
        patterns: ECMA-262, without anchors; the first one alone, with the length, is nearly the format.
        most: longest string, in code points.
        leap_seconds: a 60th second stands only where it is 23:59:60 in UTC.
        generated, generated_most: the same for what is generated; None is all.
    """

    patterns: tuple[str, ...]
    most: int | None = None
    leap_seconds: bool = False
    generated: str | None = None
    generated_most: int | None = None


_MONTHS = r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|02-(?:0[1-9]|1\d|2[0-8]))"
_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
# RFC 3339 full-date of a day that exists (Gregorian), years 0000 to 9999; year 0 is not generated, as few can read it.
_DATE = rf"(?:\d{{4}}-{_MONTHS}|{_LEAP}-02-29)"
GENERATED_DATE = rf"(?!0000){_DATE}"
# RFC 3339 full-time.
HOUR = r"(?:[01]\d|2[0-3])"
_TIME = rf"{HOUR}:[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-]{HOUR}:[0-5]\d)"
_GENERATED_TIME = rf"{HOUR}:[0-5]\d:[0-5]\d(?:\.\d{{1,9}})?(?:Z|[+-]{HOUR}:[0-5]\d)"


def _duration(n: str) -> str:
    """RFC 3339 appendix A, with numbers of the form `n`."""
    days, seconds = f"{n}D", f"{n}S"
    date = f"(?:{n}Y(?:{n}M(?:{days})?)?|{n}M(?:{days})?|{days})"
    time = f"T(?:{n}H(?:{n}M(?:{seconds})?)?|{n}M(?:{seconds})?|{seconds})"
    return f"P(?:{n}W|{date}(?:{time})?|{time})"


_HEX = r"[0-9A-Fa-f]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"  # RFC 9562, any variant and version

_OCTET = r"(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"  # RFC 3986 IPv4address
_GROUP = rf"{_HEX}{{1,4}}"
_TAIL = rf"(?:{_GROUP}:{_GROUP}|{IPV4})"
# RFC 3986 IPv6address: RFC 4291 text without a zone.
IPV6 = "|".join(
    [
        rf"(?:{_GROUP}:){{6}}{_TAIL}",
        rf"::(?:{_GROUP}:){{5}}{_TAIL}",
        *(
            rf"(?:(?:{_GROUP}:){{0,{before}}}{_GROUP})?::(?:{_GROUP}:){{{4 - before}}}{_TAIL}"
            for before in range(5)
        ),
        rf"(?:(?:{_GROUP}:){{0,5}}{_GROUP})?::{_GROUP}",
        rf"(?:(?:{_GROUP}:){{0,6}}{_GROUP})?::",
    ]
)

# RFC 1123 host names: labels of at most 63 letters, digits and inner hyphens, 253 characters in all, no final dot.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOSTNAME = rf"{_LABEL}(?:\.{_LABEL})*"
_SHORT_LABEL = (
    r"[A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*"  # for names of at most 63 characters, in which no label is too long
)
_SHORT_HOSTNAME = rf"{_SHORT_LABEL}(?:\.{_SHORT_LABEL})*"

# RFC 5321 Mailbox: a dot-string or quoted string of at most 64 characters, at a domain or an address literal, 254 in
# all (a path of 256 with its brackets). Of the general address literals none is registered, so there are none.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-]+"
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED_STRING = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_SNUM = r"(?:25[0-5]|2[0-4]\d|[01]?\d?\d)"
_MAIL_IPV4 = rf"{_SNUM}(?:\.{_SNUM}){{3}}"


def _groups(most: int) -> str:
    return rf"(?:{_GROUP}(?::{_GROUP}){{0,{most - 1}}})?" if most else ""


_MAIL_IPV6 = "|".join(
    [
        rf"(?:{_GROUP}:){{7}}{_GROUP}",
        rf"(?:{_GROUP}:){{6}}{_MAIL_IPV4}",
        *(rf"{_groups(before)}::{_groups(6 - before)}" for before in range(7)),
        *(rf"{_groups(before)}::(?:{_GROUP}:){{0,{4 - before}}}{_MAIL_IPV4}" for before in range(5)),
    ]
)
_MAIL_HOST = rf"(?:{_HOSTNAME}|\[(?:{_MAIL_IPV4}|[Ii][Pp][Vv]6:(?:{_MAIL_IPV6}))\])"
_EMAIL = rf"(?:{_DOT_STRING}|{_QUOTED_STRING})@{_MAIL_HOST}"
_SHORT_EMAIL = rf"{_DOT_STRING}@(?:{_SHORT_LABEL}\.)+[A-Za-z]{{2,}}"

_UNRESERVED = r"A-Za-z0-9._~\-"
_SUB = r"!$&'()*+,;="
_PERCENT = rf"%{_HEX}{_HEX}"
_PLANES = "".join(rf"\u{{{plane:x}0000}}-\u{{{plane:x}FFFD}}" for plane in range(1, 14))
_UCS = rf"\u00A0-\uD7FF\uF900-\uFDCF\uFDF0-\uFFEF{_PLANES}\u{{E1000}}-\u{{EFFFD}}"
_PRIVATE = r"\uE000-\uF8FF\u{F0000}-\u{FFFFD}\u{100000}-\u{10FFFD}"
_IP_LITERAL = rf"\[(?:{IPV6}|[Vv]{_HEX}+\.[{_UNRESERVED}{_SUB}:]+)\]"


def _uri(*, relative: bool, more: str = "", private: str = "", literals: bool = True) -> str:
    """RFC 3986 URI or URI-reference; with `more` and `private` characters RFC 3987's IRIs."""
    plain = rf"[{_UNRESERVED}{more}{_SUB}]|{_PERCENT}"
    pchar = rf"(?:[:@]|{plain})"
    host = rf"(?:{_IP_LITERAL}|(?:{plain})*)" if literals else f"(?:{plain})*"
    network = rf"//(?:(?::|{plain})*@)?{host}(?::\d*)?(?:/{pchar}*)*"
    absolute = rf"/(?:{pchar}+(?:/{pchar}*)*)?"
    tail = rf"(?:\?(?:[/?{private}]|{pchar})*)?(?:#(?:[/?]|{pchar})*)?"
    uri = rf"[A-Za-z][A-Za-z0-9+.\-]*:(?:{network}|{absolute}|{pchar}+(?:/{pchar}*)*)?{tail}"
    reference = rf"(?:{network}|{absolute}|(?:@|{plain})+(?:/{pchar}*)*)?{tail}"
    return rf"(?:{uri}|{reference})" if relative else uri


_LITERALS = rf"[!#$&(-;=?-\[\]_a-z~{_UCS}{_PRIVATE}]|{_PERCENT}"
_VARCHAR = rf"(?:[A-Za-z0-9_]|{_PERCENT})"
_VARSPEC = rf"{_VARCHAR}(?:\.?{_VARCHAR})*(?::[1-9]\d{{0,3}}|\*)?"
# RFC 6570.
_URI_TEMPLATE = rf"(?:{_LITERALS}|\{{[+#./;?&=,!@|]?{_VARSPEC}(?:,{_VARSPEC})*\}})*"
_JSON_POINTER = r"(?:/(?:[^~/]|~[01])*)*"  # RFC 6901

STANDARD_FORMATS: Final = {
    "date": Format((_DATE,), generated=GENERATED_DATE),
    "time": Format((_TIME,), leap_seconds=True, generated=_GENERATED_TIME),
    "date-time": Format(
        (f"{_DATE}[Tt]{_TIME}",), leap_seconds=True, generated=f"{GENERATED_DATE}T{_GENERATED_TIME}"
    ),
    "duration": Format((_duration(r"\d+"),), generated=_duration(r"\d{1,6}")),
    "email": Format((_EMAIL, ".{1,64}@[^@]*"), 254, generated=_SHORT_EMAIL, generated_most=64),
    "hostname": Format((_HOSTNAME,), 253, generated=_SHORT_HOSTNAME, generated_most=63),
    "uuid": Format((_UUID,)),
    "ipv4": Format((IPV4,)),
    "ipv6": Format((IPV6,)),
    "uri": Format((_uri(relative=False),), generated=_uri(relative=False, literals=False)),
    "uri-reference": Format((_uri(relative=True),), generated=_uri(relative=True, literals=False)),
    "iri": Format(
        (_uri(relative=False, more=_UCS, private=_PRIVATE),),
        generated=_uri(relative=False, more=_UCS, literals=False),
    ),
    "iri-reference": Format(
        (_uri(relative=True, more=_UCS, private=_PRIVATE),),
        generated=_uri(relative=True, more=_UCS, literals=False),
    ),
    "uri-template": Format((_URI_TEMPLATE,)),
    "json-pointer": Format((_JSON_POINTER,)),
    "relative-json-pointer": Format((rf"(?:0|[1-9]\d*)(?:#|{_JSON_POINTER})",)),
}
"""Asserted formats of JSON Schema by name; format_sets.py has all that are asserted."""

UNCONSTRAINED: Final = frozenset({"password", "path", "file-path", "directory-path", "binary"})
"""Formats that name a use, not a syntax: any string is one."""

UNDEFINED: Final = {
    "idn-hostname": "whether a label is valid takes Unicode tables (IDNA 2008) that are not here",
    "idn-email": "whether a domain is valid takes Unicode tables (IDNA 2008) that are not here",
    "regex": "the syntax of regular expressions nests, so it is not regular",
}
"""Formats of JSON Schema that have no definition here, and why: they are read as annotations, as unknown ones are."""
