"""The probability of each field of a completion, put together canvas by canvas.

The probability of a field is that of its value under the constrained posterior of the canvas's last step, given what
precedes it, with all that follows summed out:

- of a field whose possible values are known (an enumeration, a boolean, a tool's name): the mass of all token
  sequences that spell the value, over that of all its values. The alternatives sum to 1.
- of any other field: the product over its tokens of P(token | tokens before), and for a number the probability that
  it ends where it does. A token that straddles the field's border counts whole.

A value that spans canvases multiplies over them. A canvas is judged as the committed tokens before it leave it, so of
a spelling that a canvas's end cuts off the rest is not known, unless it is the written one: its mass goes to the value
that it begins, or in equal parts to all values that begin with it. An autoregressive model's choice is a canvas of one
token to this.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from agentfast.errors import EngineError
from agentfast.runtime.confidence.evidence import Evidence
from agentfast.runtime.confidence.field_reader import FieldReader
from agentfast.runtime.core.fields import Field, FieldProbability
from agentfast.runtime.core.vocabulary import Vocabulary

Doubles = npt.NDArray[np.float64]


@dataclass(slots=True)
class Spread:
    """Mass of a field over its values. [n] each.

    Attributes:
        mass: what is decided.
        carried: what was spelled as it is written, up to the end of the last canvas.
    """

    mass: Doubles
    carried: Doubles


class FieldLedger:
    """Probabilities of a row's fields under the evidence so far."""

    def __init__(self, reader: FieldReader, vocabulary: Vocabulary) -> None:
        self._reader = reader
        self._pieces = vocabulary.tokens
        self._tokens: list[int] = []
        self._starts = [0]  # offset in symbols of each token, and of what comes next
        self._log_p: list[float] = []
        self._result: tuple[FieldProbability, ...] = ()
        self._spreads: dict[Hashable, Spread] = {}
        self._ends: dict[Hashable, float] = {}  # probability that a number ends where it does
        self._settled: set[Hashable] = set()

    def add(self, tokens: Sequence[int], evidence: Evidence) -> None:
        """Take in the tokens written next, without an end token; `evidence` begins with the first of them.

        Raises:
            EngineError: the reader failed, or contradicted itself.
        """
        first = len(self._tokens)
        self._tokens += tokens
        widths = (len(self._pieces[token] or b"!") for token in tokens)
        self._starts = [*self._starts[:-1], *accumulate(widths, initial=self._starts[-1])]
        self._log_p += evidence.log_p.tolist()
        # The end of the turn ends a value as well, and is known if the evidence reaches beyond the tokens.
        complete = len(tokens) < evidence.positions
        try:
            fields = self._reader(self._tokens)
            for field in fields:
                if field.key not in self._settled:
                    self._judge(field, first, evidence, complete=complete)
            if complete:
                self._result = tuple(self._probability(field) for field in fields)
        except Exception as error:  # a reader is the caller's: its failure is the row's alone
            raise EngineError(f"the fields of a completion could not be found: {error!r}") from error

    def finds_fields(self, tokens: Sequence[int]) -> bool:
        """True if a completion of these tokens has fields, or if the reader fails, as `add` will then say."""
        try:
            return bool(self._reader(tokens))
        except Exception:  # noqa: BLE001  (a reader is the caller's)
            return True

    def result(self) -> tuple[FieldProbability, ...]:
        """The probability of every field, once the turn has ended."""
        return self._result

    def _judge(self, field: Field, first: int, evidence: Evidence, *, complete: bool) -> None:
        total = self._starts[-1]
        end = total if field.end is None and complete else field.end
        settled = end is not None and (end < total or complete or not field.continues)
        if field.values:
            self._spread(field, first, evidence, settled=settled)
        elif settled and end is not None and field.continues:
            after = self._token_at(end - 1) + 1
            inside = after < len(self._starts) and self._starts[after] > end
            if not inside:
                self._ends[field.key] = evidence.spelled(after - first, b"", field.continues).ended
        if settled:
            self._settled.add(field.key)

    def _spread(self, field: Field, first: int, evidence: Evidence, *, settled: bool) -> None:
        known = field.key in self._spreads
        position = 0 if known else self._token_at(field.start) - first
        spread = self._spreads.setdefault(
            field.key, Spread(np.zeros(len(field.values)), np.ones(len(field.values)))
        )
        opening = b"" if known else self._text(self._starts[first + position], field.start)
        before = self._text(field.start, self._starts[first]) if known else b""
        written = None if settled else self._text(field.start, self._starts[-1])
        carried, spread.carried = spread.carried, np.zeros(len(field.values))
        if len(field.values) == 1:
            spread.mass[0] = 1.0
            return
        for index, value in enumerate(field.values):
            if not carried[index] or not value.startswith(before):
                continue
            text = opening + value[len(before) :]
            spelled = evidence.spelled(position, text, field.continues)
            spread.mass[index] += carried[index] * spelled.ended
            for offset, mass in spelled.cut.items():
                begun = value[: len(before) + max(offset - len(opening), 0)]
                if begun == written:
                    spread.carried[index] += carried[index] * mass
                else:
                    share = sum(other.startswith(begun) for other in field.values)
                    spread.mass[index] += carried[index] * mass / share

    def _probability(self, field: Field) -> FieldProbability:
        end = self._starts[-1] if field.end is None else field.end
        written = self._text(field.start, end)
        if field.values:
            spread = self._spreads[field.key]
            mass = spread.mass + spread.carried
            shares = (mass / mass.sum()).tolist()
            p = shares[field.values.index(written)]
            return FieldProbability(field.key, written, p, tuple(zip(field.values, shares, strict=True)))
        span = self._log_p[self._token_at(field.start) : self._token_at(end - 1) + 1]
        p = float(np.exp(sum(span))) * self._ends.get(field.key, 1.0)
        return FieldProbability(field.key, written, p)

    def _token_at(self, offset: int) -> int:
        """The token that holds the symbol at an offset."""
        return bisect_right(self._starts, offset) - 1

    def _text(self, start: int, end: int) -> bytes:
        """The bytes between two offsets, special tokens being none."""
        low, high = self._token_at(start), self._token_at(max(end - 1, start)) + 1
        return b"".join(self._pieces[t] or b"\xff" for t in self._tokens[low:high])[
            start - self._starts[low] : end - self._starts[low]
        ]
