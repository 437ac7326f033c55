"""Formats beyond JSON Schema's own: those that pydantic names in its schemas, and ISO 8601 without an offset.

Servers that are written in Python declare their tools by pydantic, so its formats mean to others what they mean here.
"""

from __future__ import annotations

from typing import Final

from agentfast.runtime.grammar.strings.formats import GENERATED_DATE, HOUR, IPV4, IPV6, Format

_CLOCK: Final = rf"{HOUR}:[0-5]\d(?::[0-5]\d(?:\.\d{{1,9}})?)?"
_OFFSET: Final = rf"(?:Z|[+-]{HOUR}:[0-5]\d)"
_N: Final = r"\d{1,6}"
_SECONDS: Final = rf"{_N}(?:\.\d{{1,6}})?S"
_DAYS: Final = rf"(?:{_N}Y(?:{_N}M)?(?:{_N}D)?|{_N}M(?:{_N}D)?|{_N}D)"
_HOURS: Final = rf"T(?:{_N}H(?:{_N}M)?(?:{_SECONDS})?|{_N}M(?:{_SECONDS})?|{_SECONDS})"


def _uuid(version: int) -> str:
    """RFC 9562, of one version and the variant that has versions."""
    digit = "[0-9A-Fa-f]"
    return rf"{digit}{{8}}-{digit}{{4}}-{version}{digit}{{3}}-[89ABab]{digit}{{3}}-{digit}{{12}}"


def _ipv4_networks(whole: int = 0) -> str:
    """Addresses with a prefix length, all bits after it 0; without one, an address. The first octets are written."""
    octet = r"(?:\d|[1-9]\d|1\d\d|2[0-4]\d|25[0-5])"
    if whole == 4:
        return r"(?:/32)?"
    found = [octet + (r"\." if whole < 3 else "") + _ipv4_networks(whole + 1)]
    for bits in range(8):
        values = "|".join(str(value) for value in range(0, 256, 1 << (8 - bits)))
        found.append(rf"(?:{values})" + r"\.0" * (3 - whole) + f"/{8 * whole + bits}")
    return rf"(?:{'|'.join(found)})"


def _ipv6_networks() -> str:
    """Networks as `groups::/length`, the length not within the groups; and addresses without a length."""
    group = r"[0-9A-Fa-f]{1,4}"
    found = [rf"(?:{IPV6})(?:/128)?", r"::/(?:\d|[1-9]\d|1[01]\d|12[0-8])"]
    for count in range(1, 8):
        lengths = "|".join(str(length) for length in range(16 * count, 129))
        found.append(rf"(?:{group}:){{{count}}}:/(?:{lengths})")
    return "|".join(found)


_V4_LENGTH: Final = r"(?:/(?:\d|[12]\d|3[0-2]))?"
_V6_LENGTH: Final = r"(?:/(?:\d|[1-9]\d|1[01]\d|12[0-8]))?"
_BASE64: Final = r"(?:[A-Za-z0-9{0}]{{4}})*(?:[A-Za-z0-9{0}]{{2}}==|[A-Za-z0-9{0}]{{3}}=)?"

MORE_FORMATS: Final = {
    "local-date-time": Format((rf"{GENERATED_DATE}T{_CLOCK}",)),
    "iso-date-time": Format((rf"{GENERATED_DATE}T{_CLOCK}{_OFFSET}?",)),
    "iso-time": Format((rf"{_CLOCK}{_OFFSET}?",)),
    "iso-duration": Format((rf"-?P(?:{_N}W|{_DAYS}(?:{_HOURS})?|{_HOURS})",)),
    **{f"uuid{version}": Format((_uuid(version),)) for version in (1, 3, 4, 5, 6, 7, 8)},
    "ipvanyaddress": Format((rf"{IPV4}|{IPV6}",)),
    "ipv4network": Format((_ipv4_networks(),)),
    "ipv6network": Format((_ipv6_networks(),)),
    "ipvanynetwork": Format((rf"{_ipv4_networks()}|{_ipv6_networks()}",)),
    "ipv4interface": Format((rf"{IPV4}{_V4_LENGTH}",)),
    "ipv6interface": Format((rf"(?:{IPV6}){_V6_LENGTH}",)),
    "ipvanyinterface": Format((rf"{IPV4}{_V4_LENGTH}|(?:{IPV6}){_V6_LENGTH}",)),
    "base64": Format((_BASE64.format("+/"),)),
    "base64url": Format((_BASE64.format(r"_\-"),)),
}
"""Asserted formats by name. Years begin with 0001, as Python's do; seconds may be left out."""
