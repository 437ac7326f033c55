"""From the tokens of a turn to its fields, and from their probabilities to the confidence of calls and answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, cast

from agentfast.chat.base import FieldFormat, TurnRules
from agentfast.runtime.core.calibration import Calibration
from agentfast.runtime.core.fields import Field, FieldProbability, FieldReader
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.tools.confidence import Alternatives, Confidence


def field_reader(chat: FieldFormat, rules: TurnRules, vocabulary: Vocabulary) -> FieldReader:
    """Finds the fields of turns under these rules."""
    names = {index: name.encode() for name, index in vocabulary.special.items()}

    def read(tokens: Sequence[int]) -> Sequence[Field]:
        return chat.fields(list(_pieces(tokens, vocabulary, names)), rules)

    return read


def _pieces(
    tokens: Sequence[int], vocabulary: Vocabulary, names: dict[int, bytes]
) -> Iterator[tuple[bool, bytes]]:
    """Special tokens by name, and the texts between them."""
    text: list[bytes] = []
    for token in tokens:
        piece = vocabulary.tokens[token]
        if piece is not None:
            text.append(piece)
            continue
        if text:
            yield False, b"".join(text)
            text = []
        yield True, names.get(token, b"")
    if text:
        yield False, b"".join(text)


def confidences(
    chat: FieldFormat, found: Sequence[FieldProbability], calibration: Calibration
) -> dict[int | None, Confidence]:
    """The confidence of each call, by its place, and of a typed answer, under None."""
    whole: dict[int | None, float] = {}
    fields: defaultdict[int | None, dict[str, float]] = defaultdict(dict)
    ranked: defaultdict[int | None, dict[str, Alternatives]] = defaultdict(dict)
    for field in found:
        part, path = cast("tuple[int | None, str | None]", field.key)
        if path is None:
            whole[part] = calibration.shifted(field.probability, calibration.whole)
        elif field.values:
            values = [value for value, _ in field.values]
            shares = calibration.choices([p for _, p in field.values])
            fields[part][path] = shares[values.index(field.written)]
            ranked[part][path] = _ranked(
                [(chat.value(part, path, v), p) for v, p in zip(values, shares, strict=True)]
            )
        else:
            fields[part][path] = calibration.shifted(field.probability, calibration.free)
    return {part: Confidence(p, fields[part], ranked[part]) for part, p in whole.items()}


def _ranked(shares: Sequence[tuple[Any, float]]) -> Alternatives:
    return tuple(sorted(shares, key=lambda pair: -pair[1]))
