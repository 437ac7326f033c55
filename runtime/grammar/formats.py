"""String formats as regular expressions, each exactly the language that its comment states."""

from __future__ import annotations

from typing import Final

_YEAR = r"(?:[1-9]\d{3}|0[1-9]\d\d|00[1-9]\d|000[1-9])"
_LEAP = r"(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAYS_31 = r"(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])"
_DAYS_30 = r"(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
_DAYS_28 = r"02-(?:0[1-9]|1\d|2[0-8])"
# RFC 3339 full-date of a day that exists (Gregorian), years 0001 to 9999.
_DATE = rf"(?:{_YEAR}-(?:{_DAYS_31}|{_DAYS_30}|{_DAYS_28})|{_LEAP}-02-29)"
# RFC 3339 full-time, upper case, up to 9 fraction digits, no leap second.
_HOUR = r"(?:[01]\d|2[0-3])"
_TIME = rf"{_HOUR}:[0-5]\d:[0-5]\d(?:\.\d{{1,9}})?(?:Z|[+-]{_HOUR}:[0-5]\d)"

_DAYS = r"\d{1,9}D"
_WEEKS = r"\d{1,9}W"
_DATE_PART = rf"(?:\d{{1,9}}Y(?:\d{{1,9}}M(?:{_DAYS})?)?|\d{{1,9}}M(?:{_DAYS})?|{_DAYS})"
_SECONDS = r"\d{1,9}S"
_TIME_PART = rf"T(?:\d{{1,9}}H(?:\d{{1,9}}M(?:{_SECONDS})?)?|\d{{1,9}}M(?:{_SECONDS})?|{_SECONDS})"
# RFC 3339 appendix A, up to 9 digits a number.
_DURATION = rf"P(?:{_WEEKS}|{_DATE_PART}(?:{_TIME_PART})?|{_TIME_PART})"

# RFC 1123 names of at most 8 labels of at most 30 characters, which keeps them below the limits of 63 and 253.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,28}[A-Za-z0-9])?"
_HOSTNAME = rf"{_LABEL}(?:\.{_LABEL}){{0,7}}"
# Dot-atom of at most 32 characters between dots, at a domain of two to four labels that ends in letters.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
_DOMAIN = rf"(?:{_LABEL}\.){{1,3}}[A-Za-z]{{2,24}}"
_EMAIL = rf"{_ATOM}(?:\.?{_ATOM}){{0,31}}@{_DOMAIN}"

_HEX = r"[0-9A-Fa-f]"
_UUID = rf"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"

_OCTET = r"(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
_IPV4 = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_GROUP = rf"{_HEX}{{1,4}}"
_TAIL = rf"(?:{_GROUP}:{_GROUP}|{_IPV4})"
# RFC 3986 IPv6address: RFC 4291 text without a zone.
_IPV6 = "|".join(
    [
        rf"(?:{_GROUP}:){{6}}{_TAIL}",
        rf"::(?:{_GROUP}:){{5}}{_TAIL}",
        rf"(?:{_GROUP})?::(?:{_GROUP}:){{4}}{_TAIL}",
        *(
            rf"(?:(?:{_GROUP}:){{0,{before}}}{_GROUP})?::(?:{_GROUP}:){{{4 - before}}}{_TAIL}"
            for before in (1, 2, 3)
        ),
        rf"(?:(?:{_GROUP}:){{0,4}}{_GROUP})?::{_TAIL}",
        rf"(?:(?:{_GROUP}:){{0,5}}{_GROUP})?::{_GROUP}",
        rf"(?:(?:{_GROUP}:){{0,6}}{_GROUP})?::",
    ]
)

_UNRESERVED = r"A-Za-z0-9._~\-"
_SUB = r"!$&'()*+,;="
_PERCENT = rf"%{_HEX}{_HEX}"
_PCHAR = rf"(?:[{_UNRESERVED}{_SUB}:@]|{_PERCENT})"
_HOST = rf"(?:\[(?:{_IPV6})\]|(?:[{_UNRESERVED}{_SUB}]|{_PERCENT})*)"
_AUTHORITY = rf"(?:(?:[{_UNRESERVED}{_SUB}:]|{_PERCENT})*@)?{_HOST}(?::\d*)?"
_PATH = rf"(?://{_AUTHORITY}(?:/{_PCHAR}*)*|/(?:{_PCHAR}+(?:/{_PCHAR}*)*)?|{_PCHAR}+(?:/{_PCHAR}*)*)?"
# RFC 3986 URI, without IPvFuture.
_URI = rf"[A-Za-z][A-Za-z0-9+.-]*:{_PATH}(?:\?(?:{_PCHAR}|[/?])*)?(?:#(?:{_PCHAR}|[/?])*)?"

FORMATS: Final = {
    "date": _DATE,
    "time": _TIME,
    "date-time": rf"{_DATE}T{_TIME}",
    "duration": _DURATION,
    "email": _EMAIL,
    "hostname": _HOSTNAME,
    "uuid": _UUID,
    "ipv4": _IPV4,
    "ipv6": _IPV6,
    "uri": _URI,
}
"""Asserted formats by name; a regular expression that must match the whole string."""

UNCONSTRAINED: Final = frozenset({"password", "path", "file-path", "directory-path", "binary"})
"""Formats that name a use, not a syntax: any string is one."""
