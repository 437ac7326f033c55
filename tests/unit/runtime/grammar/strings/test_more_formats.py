"""Formats that pydantic names, and ISO 8601: instances and near misses, and Python's own parsers."""

from __future__ import annotations

import base64
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.grammar.strings.language import StringLanguage
from agentfast.runtime.grammar.strings.more_formats import MORE_FORMATS

_UUID = "01234567-89ab-{}def-{}123-456789abcdef"
CASES: dict[str, tuple[list[str], list[str]]] = {
    "local-date-time": (
        ["2024-02-29T10:00:00", "0001-01-01T00:00", "9999-12-31T23:59:59.5"],
        ["2024-02-29T10:00:00Z", "2023-02-29T10:00:00", "2024-02-29 10:00:00", "0000-01-01T00:00:00", "2024-02-29"],
    ),
    "iso-date-time": (
        ["2024-02-29T10:00:00", "2024-02-29T10:00Z", "2024-02-29T10:00:00.25+05:30"],
        ["2024-02-29T24:00:00", "2024-02-29T10:00:60Z", "2024-02-29T10:00:00+0530", "2024-02-30T10:00:00"],
    ),
    "iso-time": (["10:00", "10:00:00", "23:59:59.123Z", "00:00-08:00"], ["24:00", "10:60", "10", "10:00:60", "T10:00"]),
    "iso-duration": (
        ["P1D", "-P1Y2M3DT4H5M6.5S", "PT0S", "P2W", "PT1H30S"],
        ["P", "PT", "P1DT", "P1W2D", "P1.5D", "PT1S2H", "1D", "P1234567D"],
    ),
    **{
        f"uuid{version}": (
            [_UUID.format(version, "8"), _UUID.format(version, "B").upper()],
            [_UUID.format(version, "0"), _UUID.format(2, "8"), _UUID.format(version, "c"), "0" * 32],
        )
        for version in (1, 3, 4, 5, 6, 7, 8)
    },
    "ipvanyaddress": (["1.2.3.4", "::1", "2001:db8::"], ["1.2.3", "1.2.3.4/8", "::g", "01.2.3.4"]),
    "ipv4network": (
        ["10.0.0.0/8", "192.168.128.0/17", "0.0.0.0/0", "1.2.3.4/32", "1.2.3.4", "172.16.0.0/12"],
        ["10.0.0.1/8", "10.1.0.0/8", "1.2.3.4/33", "1.2.3.4/31.", "192.168.64.0/17", "1.2.3.5/31"],
    ),
    "ipv6network": (["2001:db8::/32", "::/0", "::1", "1:2:3:4:5:6:7:8/128"], ["2001:db8::1/32", "2001:db8::/16", "::/129"]),
    "ipvanynetwork": (["10.0.0.0/8", "2001:db8::/48"], ["10.0.0.1/8", "2001:db8::/8"]),
    "ipv4interface": (["1.2.3.4/8", "1.2.3.4"], ["1.2.3.4/33", "1.2.3/8"]),
    "ipv6interface": (["::1/64", "::1"], ["::1/129", "1.2.3.4/8"]),
    "ipvanyinterface": (["::1/64", "1.2.3.4/0"], ["::1/129", "1.2.3.4/"]),
    "base64": (["", "YQ==", "YWI=", "YWJj", "+/+/"], ["YQ", "YQ=", "YWJjZ", "-_-_", "YW=="[:3], "YQ== "]),
    "base64url": (["", "YQ==", "-_-_"], ["+/+/", "YQ"]),
}  # fmt: skip


def test_every_format_has_cases() -> None:
    assert CASES.keys() == MORE_FORMATS.keys()


@pytest.mark.parametrize("name", CASES)
def test_instances_are_in_the_language_and_near_misses_are_not(name: str) -> None:
    language = StringLanguage.format(name)
    good, bad = CASES[name]
    assert [text for text in good if not language.contains(text)] == []
    assert [text for text in bad if language.contains(text)] == []


@given(st.integers(0, 2**32 - 1), st.integers(0, 32))
def test_networks_are_those_that_python_reads(address: int, length: int) -> None:
    text = f"{ipaddress.IPv4Address(address)}/{length}"
    try:
        ipaddress.IPv4Network(text)
        is_network = True
    except ValueError:
        is_network = False
    assert StringLanguage.format("ipv4network").contains(text) == is_network
    masked = str(ipaddress.IPv4Network((address, length), strict=False))
    assert StringLanguage.format("ipv4network").contains(masked)


@given(st.binary())
def test_base64_is_what_python_writes(data: bytes) -> None:
    assert StringLanguage.format("base64").contains(base64.b64encode(data).decode())
    assert StringLanguage.format("base64url").contains(base64.urlsafe_b64encode(data).decode())
