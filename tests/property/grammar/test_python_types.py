"""Python types: what their grammar generates their validator takes, and what their serializer writes their grammar reads."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import ipaddress
import json
import pathlib
import re
import string
import uuid
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import cache
from importlib.util import find_spec
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
import pytest
import typing_extensions
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.tokens.sampling import Sampler
from agentfast.tools.declaration.signature import tidy_schema
from agentfast.tools.schema.json_schema import describe

VOCABULARY = Vocabulary.byte_level()


class Size(enum.Enum):
    SMALL = "small"
    LARGE = "large"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    PAIR = (1, 2)
    TEXT = "a"
    HALF = 0.5
    NONE = None


class Point(NamedTuple):
    x: int
    y: str = "a"


class Options(typing_extensions.TypedDict, total=False):
    size: typing_extensions.Required[Size]
    note: str


@dataclasses.dataclass
class Order:
    id: int
    lines: list[str] = dataclasses.field(default_factory=list[str])


class Cat(pydantic.BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(pydantic.BaseModel):
    kind: Literal["dog"]
    name: str


class Node(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(str_strip_whitespace=True)

    name: str = Field(min_length=2)
    children: list[Node] = []


class InBase64(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(val_json_bytes="base64", ser_json_bytes="base64")

    data: bytes


class InHexadecimal(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(val_json_bytes="hex")

    data: bytes


_ascii = st.text(string.printable)
_hours = st.integers(-23, 23).map(lambda hour: dt.timezone(dt.timedelta(hours=hour)))
_words = st.text(string.ascii_lowercase, min_size=1, max_size=9)


def _network(address: int, length: int) -> ipaddress.IPv4Network:
    return ipaddress.IPv4Network((address, length), strict=False)


def _options(size: Size, note: str) -> Options:
    """Options in declared order."""
    return {"size": size, "note": note}


_networks_4 = st.builds(_network, st.integers(0, 2**32 - 1), st.integers(0, 32))

BOTH: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "str": (str, st.text()),
    "bytes": (bytes, st.text().map(str.encode)),
    "int": (int, st.integers()),
    "bool": (bool, st.booleans()),
    "None": (None, st.none()),
    "float": (pydantic.FiniteFloat, st.floats(-1e9, 1e9).map(lambda number: round(number, 3))),
    "PositiveInt": (pydantic.PositiveInt, st.integers(1)),
    "conint": (pydantic.conint(multiple_of=3, ge=-9), st.integers(-3).map(lambda n: 3 * n)),
    "Literal": (Literal["a", 1, True, None], st.sampled_from(["a", 1, True, None])),
    "Enum": (Size, st.sampled_from(Size)),
    "IntEnum": (Level, st.sampled_from(Level)),
    "Optional": (int | None, st.one_of(st.none(), st.integers())),
    "Union": (int | str | list[int], st.one_of(st.integers(), st.text(), st.lists(st.integers()))),
    "date": (dt.date, st.dates()),
    "datetime": (dt.datetime, st.datetimes(timezones=st.one_of(st.none(), _hours))),
    "NaiveDatetime": (pydantic.NaiveDatetime, st.datetimes()),
    "AwareDatetime": (pydantic.AwareDatetime, st.datetimes(timezones=_hours)),
    "time": (dt.time, st.times()),
    "timedelta": (dt.timedelta, st.timedeltas(dt.timedelta(-99999), dt.timedelta(99999))),
    "Decimal": (Decimal, st.decimals(allow_nan=False, allow_infinity=False, places=3)),
    "money": (
        Annotated[Decimal, Field(max_digits=6, decimal_places=2, ge=0)],
        st.decimals(0, 9999, places=2),
    ),
    "Fraction": (Fraction, st.fractions()),
    "complex": (complex, st.builds(complex, st.integers(-99, 99), st.integers(-99, 99))),
    "UUID": (uuid.UUID, st.uuids()),
    "UUID4": (pydantic.UUID4, st.uuids(version=4)),
    "IPv4Address": (ipaddress.IPv4Address, st.ip_addresses(v=4)),
    "IPv6Address": (ipaddress.IPv6Address, st.ip_addresses(v=6)),
    "IPvAnyAddress": (pydantic.IPvAnyAddress, st.ip_addresses()),
    "IPv4Network": (ipaddress.IPv4Network, _networks_4),
    "IPvAnyNetwork": (pydantic.IPvAnyNetwork, _networks_4),
    "IPv4Interface": (ipaddress.IPv4Interface, _networks_4.map(lambda net: ipaddress.ip_interface(str(net)))),
    "HttpUrl": (
        pydantic.HttpUrl,
        _words.map(lambda word: pydantic.HttpUrl(f"https://{word}.org/{word}?q={word}")),
    ),
    "AnyUrl": (pydantic.AnyUrl, _words.map(lambda word: pydantic.AnyUrl(f"ftp://{word}/{word}"))),
    "FileUrl": (pydantic.FileUrl, _words.map(lambda word: pydantic.FileUrl(f"file:///{word}"))),
    "RedisDsn": (pydantic.RedisDsn, _words.map(lambda word: pydantic.RedisDsn(f"redis://{word}:6379/0"))),
    "PostgresDsn": (
        pydantic.PostgresDsn,
        _words.map(lambda word: pydantic.PostgresDsn(f"postgresql://u:{word}@{word}:5432,b/{word}")),
    ),
    "Base64Str": (pydantic.Base64Str, _ascii),
    "Base64Bytes": (pydantic.Base64Bytes, st.binary()),
    "Base64UrlStr": (pydantic.Base64UrlStr, _ascii),
    "bytes in base64": (InBase64, st.builds(InBase64, data=st.binary())),
    "Pattern": (re.Pattern[str], st.sampled_from([r"^\d+$", "[a-z]+", "(?:ab|c)*", r"a\.b"]).map(re.compile)),
    "Path": (pathlib.Path, _words.map(pathlib.Path)),
    "ZoneInfo": (
        zoneinfo.ZoneInfo,
        st.sampled_from(["Europe/Berlin", "UTC", "Asia/Tokyo"]).map(zoneinfo.ZoneInfo),
    ),
    "ByteSize": (pydantic.ByteSize, st.integers(0).map(pydantic.ByteSize)),
    "list": (list[int], st.lists(st.integers())),
    "conlist": (
        pydantic.conlist(int, min_length=1, max_length=3),
        st.lists(st.integers(), min_size=1, max_size=3),
    ),
    "set": (set[str], st.sets(st.text())),
    "frozenset": (frozenset[int], st.frozensets(st.integers())),
    "set of anything": (set[Any], st.sets(st.one_of(st.integers(), st.text(), st.none()))),
    "set of an Enum": (set[Size], st.sets(st.sampled_from(Size))),
    "conset": (
        pydantic.conset(int, min_length=1, max_length=2),
        st.sets(st.integers(), min_size=1, max_size=2),
    ),
    "tuple": (tuple[int, str], st.tuples(st.integers(), st.text())),
    "tuple of any length": (tuple[int, ...], st.lists(st.integers()).map(tuple)),
    "NamedTuple": (Point, st.builds(Point, st.integers(), st.text())),
    "Sequence": (Sequence[int], st.lists(st.integers())),
    "deque": (collections.deque[int], st.lists(st.integers()).map(collections.deque)),
    "dict": (dict[str, int], st.dictionaries(st.text(), st.integers())),
    "Mapping": (Mapping[str, int], st.dictionaries(st.text(), st.integers())),
    "dict by int": (dict[int, str], st.dictionaries(st.integers(), st.text())),
    "dict by float": (dict[float, int], st.dictionaries(st.sampled_from([0.5, -1.25]), st.integers())),
    "dict by bool": (dict[bool, int], st.dictionaries(st.booleans(), st.integers())),
    "dict by date": (dict[dt.date, int], st.dictionaries(st.dates(), st.integers())),
    "dict by UUID": (dict[uuid.UUID, int], st.dictionaries(st.uuids(), st.integers())),
    "dict by Enum": (dict[Size, int], st.dictionaries(st.sampled_from(Size), st.integers())),
    "dict by IntEnum": (dict[Level, int], st.dictionaries(st.sampled_from(Level), st.integers())),
    "dict by a limited int": (
        dict[pydantic.NonNegativeInt, int],
        st.dictionaries(st.integers(0), st.integers()),
    ),
    "Counter": (collections.Counter[str], st.dictionaries(st.text(), st.integers()).map(collections.Counter)),
    "TypedDict": (
        Options,
        st.builds(_options, st.sampled_from(Size), st.text()),
    ),
    "dataclass": (Order, st.builds(Order, st.integers(), st.lists(st.text()))),
    "discriminated": (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        st.one_of(
            st.builds(Cat, kind=st.just("cat"), lives=st.integers()),
            st.builds(Dog, kind=st.just("dog"), name=st.text()),
        ),
    ),
    "recursive": (Node, st.builds(Node, name=st.text(string.ascii_letters, min_size=2))),
    "Any": (Any, st.dictionaries(st.text(), st.one_of(st.integers(), st.lists(st.booleans())))),
    "object": (object, st.lists(st.text())),
}
"""Types, and values of theirs."""

ONE_WAY: dict[str, Any] = {
    "an Enum of which a member has no JSON": Mixed,
    "a stripped text": pydantic.constr(strip_whitespace=True, min_length=3, max_length=6),
    "a stripped text with a pattern": pydantic.constr(
        strip_whitespace=True, to_lower=True, pattern="^a", max_length=5
    ),
    "a pattern of what is no digit": pydantic.constr(pattern=r"^\D{2,5}$"),
    "a pattern of words": pydantic.constr(pattern=r"\bfoo\b"),
    "bytes of a length": pydantic.conbytes(min_length=1, max_length=3),
    "bytes in hexadecimal": InHexadecimal,
    "a Decimal of few digits": pydantic.condecimal(max_digits=3),
    "a Decimal below 1": pydantic.condecimal(max_digits=2, decimal_places=2),
    "a Decimal of some places": pydantic.condecimal(decimal_places=3),
    "a Decimal in steps": pydantic.condecimal(multiple_of=Decimal("0.25"), gt=1),
    "a float in steps": pydantic.confloat(multiple_of=0.1),
    "IPv6Network": ipaddress.IPv6Network,
    "IPv6Interface": ipaddress.IPv6Interface,
    "WebsocketUrl": pydantic.WebsocketUrl,
    "MongoDsn": pydantic.MongoDsn,
    "NatsDsn": pydantic.NatsDsn,
    "AmqpDsn": pydantic.AmqpDsn,
    "MySQLDsn": pydantic.MySQLDsn,
    "KafkaDsn": pydantic.KafkaDsn,
    "UUID1": pydantic.UUID1,
    "UUID3": pydantic.UUID3,
    "UUID5": pydantic.UUID5,
    "SecretInt": pydantic.Secret[int],
    "SecretStr": pydantic.SecretStr,
    "SecretBytes": pydantic.SecretBytes,
    "Iterable": Iterable[int],
    "defaultdict": collections.defaultdict[str, int],
    "dict by a pattern": dict[Annotated[str, Field(pattern="^[a-c]+$", max_length=2)], int],
    "dict by Decimal": dict[Decimal, int],
    "dict by int or str": dict[int | str, int],
    "dict of anything": dict[Any, Any],
    "StrictInt": pydantic.StrictInt,
    "JsonValue": pydantic.JsonValue,
    "a validator that changes": Annotated[int, pydantic.AfterValidator(abs)],
    **(
        {"EmailStr": pydantic.EmailStr, "NameEmail": pydantic.NameEmail}
        if find_spec("email_validator")
        else {}
    ),
}
"""Types with less in their grammar than they write, or with values that are written otherwise than they are read."""


@cache
def adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(BOTH[name][0] if name in BOTH else ONE_WAY[name])


@cache
def schema(name: str) -> Any:
    described, unenforced = describe(adapter(name))
    assert unenforced == ()
    return tidy_schema(described)


@pytest.mark.parametrize("name", [*BOTH, *ONE_WAY])
def test_the_validator_takes_what_the_grammar_generates(name: str) -> None:
    sampler = Sampler(compile_schema(schema(name)).compile(VOCABULARY), seed=len(name))
    for _ in range(80):
        text = sampler.draw()
        adapter(name).validate_json(json.dumps(json.loads(text)), strict=True)


@pytest.mark.parametrize("name", BOTH)
@given(data=st.data())
@settings(max_examples=25)
def test_the_grammar_reads_what_the_serializer_writes(name: str, data: st.DataObject) -> None:
    value = data.draw(BOTH[name][1])
    text = adapter(name).dump_json(value).decode()
    grammar = compile_schema(schema(name))
    assert grammar.accepts(text), text
