"""Formats: what each accepts and refuses, and that what is generated is a part of that."""

from __future__ import annotations

import datetime
import ipaddress
import re
import uuid
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar.strings.formats import STANDARD_FORMATS, UNDEFINED
from agentfast.runtime.grammar.strings.language import StringLanguage

LONG = "a" * 63
CASES: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["2024-02-29", "2000-02-29", "0004-02-29", "1999-12-31", "0000-02-29"],
        ["2023-02-29", "1900-02-29", "2024-02-30", "2024-13-01", "2024-00-10", "2024-04-31", "24-01-01"],
    ),
    "time": (
        ["00:00:00Z", "23:59:59.123456789123Z", "12:30:00+05:30", "12:30:00-00:00", "08:00:00z",
         "23:59:60Z", "23:59:60.5z", "01:29:60+01:30", "15:59:60-08:00", "00:29:60-23:30", "23:29:60+23:30"],
        ["24:00:00Z", "12:60:00Z", "12:00:60Z", "12:00Z", "12:00:00", "12:00:00.Z", "12:00:00+24:00", "12:00:61Z",
         "22:59:60Z", "23:58:60Z", "23:59:60+00:01", "00:59:60Z", "15:59:60+08:00", "23:59:60-00:01", "12:00:00+0000"],
    ),
    "date-time": (
        ["2024-02-29T10:00:00Z", "1999-12-31T23:59:59.5-08:00", "1998-12-31t23:59:60z", "1999-01-01T00:59:60+01:00"],
        ["2023-02-29T10:00:00Z", "2024-02-29 10:00:00Z", "2024-02-29T10:00:00", "2024-02-29", "1998-12-31T23:58:60Z"],
    ),
    "duration": (
        ["P1D", "P2W", "PT5S", "P1Y2M3DT4H5M6S", "PT1H30M", "P1M", "P1234567890123D"],
        ["P", "PT", "1D", "P1W2D", "P1DT", "PT1H30S", "P-1D", "P1.5D", "P1", "P1Y2D"],
    ),
    "email": (
        ["a@b.co", "first.last+tag@sub.example.org", "o'neil@x-y.com", "a@b", '"a b"@c', '"a\\"@"@c.d', "a@[127.0.0.1]",
         "a@[IPv6:::1]", "a@[ipv6:1:2:3:4:5:6:7:8]", "a@[IPv6:1::2:1.2.3.4]", "a" * 64 + "@b", f"a@{LONG}.{LONG}"],
        ["a", "@b.co", "a@.co", "a..b@c.de", ".a@b.co", "a.@b.co", "a b@c.de", "a@-b.co", '"a@b', '""a@b', "a@[1.2.3]",
         "a@[127.0.0.300]", "a@[::1]", "a@[IPv6:1::2::3]", "a@[IPv6:1:2:3::4:5:6:7]", "a" * 65 + "@b", f"a@b{LONG}",
         f"a@{LONG}.{LONG}.{LONG}.{LONG}", "é@b.co"],
    ),
    "hostname": (
        ["localhost", "a.b-c.example", "xn--bcher-kva.example", "1.2", LONG, ".".join([LONG] * 3 + ["a" * 61])],
        ["", "-a", "a-", "a..b", ".a", "a_b", "a.", LONG + "a", ".".join([LONG] * 3 + ["a" * 62]), "é.de"],
    ),
    "uuid": (
        ["123e4567-e89b-12d3-a456-426614174000", "ABCDEF00-0000-0000-0000-00000000000f"],
        ["123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400", "{123e4567-e89b-12d3-a456-426614174000}"],
    ),
    "ipv4": (
        ["0.0.0.0", "255.255.255.255", "192.168.1.10"],
        ["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 "],
    ),
    "ipv6": (
        ["::", "::1", "2001:db8::8a2e:370:7334", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::8", "1:2:3:4:5:6::8"],
        ["1:2:3:4:5:6:7", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::g", "1.2.3.4", "::1.2.3.4:5", "::1%eth0"],
    ),
    "uri": (
        ["https://example.com/a?b=c#d", "mailto:a@b.co", "urn:isbn:0451450523", "http://[::1]:80/", "a:", "file:///x/%20y",
         "http://[v1.a:b]/", "http://a:b@c:@d"[:13], "x://?#"],
        ["example.com", "//a/b", "http://a b", "http://a/%2", "1a:b", "http://[::1", "https://é.example", "", "http://[1.2.3.4]/",
         "a:b#c#d", "a:\\b", "http://a:b:c"],
    ),
    "uri-reference": (
        ["", "a", "/a//b", "//a:1/b", "?q", "#f", "./a:b", "a:b", "../x", "//[::1]"],
        ["1:b", "\\a", "a b", "#a#b", "//[::1", "%"],
    ),
    "iri": (["http://é.example/漢?\ue000#é", "a:😀"], ["é", "a:b\ue000", "http://[é]", "a:\x80"]),
    "iri-reference": (["é", "//漢/é?\ue000"], ["é b", "\ue000"]),
    "uri-template": (
        ["", "http://a/{b}{?c,d*}{+e:10}{/f.g}", "{%20a}", "é{|x}"],
        ["{", "{}", "}", "{a", "{a b}", "{a:0}", "{a:10000}", "{a.}", "a b", "<", "%2"],
    ),
    "json-pointer": (["", "/", "/a~0b/~1//é \n"], ["a", "/~", "/~2", "#/a"]),
    "relative-json-pointer": (["0", "1/a", "10#", "0/~1"], ["", "01", "-1", "/a", "0##", "1#/a", "#"]),
}  # fmt: skip


def test_every_format_has_cases() -> None:
    assert CASES.keys() == STANDARD_FORMATS.keys()


@pytest.mark.parametrize("name", CASES)
def test_instances_are_in_the_language_and_near_misses_are_not(name: str) -> None:
    language = StringLanguage.format(name)
    good, bad = CASES[name]
    assert [text for text in good if not language.contains(text)] == []
    assert [text for text in bad if language.contains(text)] == []


@pytest.mark.parametrize("name", CASES)
def test_what_is_written_reads_the_same_as_the_language(name: str) -> None:
    language = StringLanguage.format(name)
    grammar = compile_schema({"type": "string", "format": name})
    for text in (*CASES[name][0], *CASES[name][1]):
        written = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
        if "\x80" not in text:
            assert grammar.accepts(written) == language.contains(text), text


@pytest.mark.parametrize("name", [name for name, found in STANDARD_FORMATS.items() if found.generated])
def test_what_is_generated_is_a_part_of_the_format(name: str) -> None:
    language = StringLanguage.format(name)
    inner = StringLanguage(language.inner)
    assert (inner & ~StringLanguage(language.outer)).is_empty
    compiled = Grammar(language.node("canonical")).compile(Vocabulary.byte_level())
    assert compiled.state_count < 1000
    for seed in range(20):
        text = sampled(compiled, seed)
        assert language.contains(text), text


def sampled(grammar: TokenGrammar, seed: int) -> str:
    """A string that the grammar generates, in at most 80 bytes."""
    random = np.random.default_rng(seed)
    state, written = grammar.start, list[int]()
    for budget in range(80, 0, -1):
        token = int(random.choice(np.nonzero(grammar.allowed(state, budget))[0]))
        state = grammar.advance(state, token)
        if grammar.is_done(state):
            break
        written.append(token)
    return bytes(written[1:-1]).decode()


@given(st.integers(1, 9999), st.integers(0, 13), st.integers(0, 32))
def test_dates_are_the_days_that_exist(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    assert StringLanguage.format("date").contains(text) == reads(datetime.date.fromisoformat, text)


@given(
    st.datetimes(), st.timedeltas(datetime.timedelta(hours=-23), datetime.timedelta(hours=23)), st.booleans()
)
def test_times_that_python_writes_are_times(
    moment: datetime.datetime, offset: datetime.timedelta, fraction: bool
) -> None:
    minutes = datetime.timedelta(minutes=offset // datetime.timedelta(minutes=1))
    text = moment.replace(tzinfo=datetime.timezone(minutes)).isoformat(
        timespec="microseconds" if fraction else "seconds"
    )
    assert StringLanguage.format("date-time").contains(text)
    assert StringLanguage.format("time").contains(text.partition("T")[2])


@given(st.integers(0, 23), st.integers(0, 59), st.integers(-1439, 1439))
def test_a_leap_second_is_the_last_one_of_a_day_in_utc(hour: int, minute: int, offset: int) -> None:
    shown = f"{'-' if offset < 0 else '+'}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    is_last = (60 * hour + minute - offset) % 1440 == 1439
    language = StringLanguage.format("time")
    assert language.contains(f"{hour:02}:{minute:02}:60{shown}") == is_last
    last = (1439 + offset) % 1440
    assert language.contains(f"{last // 60:02}:{last % 60:02}:60{shown}")


@given(
    st.text("0123456789abF:.", max_size=20)
    | st.ip_addresses().map(str)
    | st.ip_addresses(v=6).map(lambda ip: ip.exploded)
)
def test_addresses_are_those_that_python_reads(text: str) -> None:
    assert StringLanguage.format("ipv4").contains(text) == reads(ipaddress.IPv4Address, text)
    assert StringLanguage.format("ipv6").contains(text) == reads(ipaddress.IPv6Address, text)


@given(st.uuids().map(str) | st.text("0123456789abF-", min_size=30, max_size=38))
def test_uuids_are_those_that_python_reads_with_four_hyphens(text: str) -> None:
    shaped = re.fullmatch("[^-]{8}(-[^-]{4}){3}-[^-]{12}", text) is not None
    assert StringLanguage.format("uuid").contains(text) == (shaped and reads(uuid.UUID, text))


def reads(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def test_a_format_a_pattern_and_a_length_hold_together() -> None:
    grammar = compile_schema({"type": "string", "format": "date", "pattern": "^2024-02"})
    assert grammar.accepts('"2024-02-29"')
    assert not grammar.accepts('"2024-03-01"')
    assert not grammar.accepts('"2024-02-30"')
    short = StringLanguage.format("uri") & StringLanguage.length(0, 2083)
    assert short.contains("http://a/" + "b" * 2074)
    assert not short.contains("http://a/" + "b" * 2075)


def test_what_is_not_of_a_format_is_all_else() -> None:
    other = ~StringLanguage.format("time")
    assert [other.contains(text) for text in ("23:59:60Z", "23:58:60Z", "", "x")] == [False, True, True, True]
    grammar = Grammar(other.node("any"))
    assert not grammar.accepts('"23:59:60Z"')
    assert not grammar.accepts('"23:59:6\\u0030Z"')
    assert grammar.accepts('"23:58:60Z"')
    assert not StringLanguage(other.inner).contains("23:59:60Z")


def test_a_part_that_is_not_generated_is_generated_when_it_is_all_there_is() -> None:
    language = StringLanguage.format("date") & StringLanguage.pattern("^0000")
    assert language.finite(400) is not None
    assert len(language.finite(400) or ()) == 366


@pytest.mark.parametrize("name", [*UNDEFINED, "no-such-format"])
def test_formats_without_a_definition_are_refused_by_name(name: str) -> None:
    with pytest.raises(GrammarError, match=name):
        StringLanguage.format(name)


def test_formats_that_name_a_use_allow_any_string() -> None:
    assert compile_schema({"type": "string", "format": "password"}).accepts('"a\\u0062 "')
