"""Fields: the stretches of a completion that hold values, and their probabilities.

Offsets are in symbols: a byte of text is one symbol, a special token is one too.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any] | bool


@dataclass(frozen=True, slots=True)
class Field:
    """A stretch of a completion that holds a value.

    Attributes:
        key: names the field to the caller; one completion has no two fields of a key.
        start: offset of the value's first symbol.
        end: offset after its last; None if it goes on beyond what is written so far.
        values: the values that may stand here, as they are written, if they are few and known; empty otherwise. What is
            written is one of them, or the beginning of one. A byte FF is a special token.
        continues: bytes that would go on with a value where it could end, such as the digits after a number.
    """

    key: Hashable
    start: int
    end: int | None
    values: tuple[bytes, ...] = ()
    continues: bytes = b""


@dataclass(frozen=True, slots=True)
class CallNotation:
    """Notation of tool calls: `token`, `before_name`, the name, `before_arguments`, the arguments, a closing symbol.

    Attributes:
        token: name of the special token that a call begins with.
        before_name, before_arguments: fixed text.
        quoted_names: whether the name is a JSON string.
        string_quote: name of the special token that quotes strings in the arguments; None: they are JSON.
        asides: names of the special tokens after which text is no answer until another special token, as a thought is.
    """

    token: str
    before_name: str
    before_arguments: str
    quoted_names: bool = True
    string_quote: str | None = None
    asides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TurnFields:
    """The fields of a turn of tool calls or of a typed answer, described by its notation and its schemas.

    The key of a field is (index of its call, its path), of a typed answer's (None, its path); with None for a path it
    is the call or the answer as a whole.

    Attributes:
        notation: how calls are written.
        tools: names of the tools that may be called, and the schemas of their arguments.
        answer: schema of a typed answer in JSON; None: the answer is text, which has no fields.
    """

    notation: CallNotation
    tools: tuple[tuple[str, Schema], ...] = ()
    answer: Schema | None = None


@dataclass(frozen=True, slots=True)
class FieldProbability:
    """Probability of a field's value under the constrained posterior, given what precedes it.

    Attributes:
        written: the value that stands there; a special token in it is a byte FF, which no text has.
        probability: of that value.
        values: the field's values and the probability of each, summing to 1; empty if they are not known.
    """

    key: Hashable
    written: bytes
    probability: float
    values: tuple[tuple[bytes, float], ...] = ()
