"""Confidence of a call or an answer: a probability for each of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentfast.errors import UnknownFieldError
from agentfast.tools.checks import closest, listed

Alternatives = tuple[tuple[Any, float], ...]


class Confidence(Mapping[str, float]):
    """Probabilities of the values of fields, by path. Immutable.

    A call has the paths "name" and "arguments.city", "arguments.items.0.sku" and so on, one for each value that is not
    an object or array, or is an empty one; a typed answer has "city" and so on, or "" if it is a single value. A
    probability is that of the value given all that was written before it.

    Attributes:
        whole: probability of the call or answer as it is written, the decision to make it included.
    """

    __slots__ = ("_alternatives", "_fields", "whole")

    def __init__(
        self,
        whole: float,
        fields: Mapping[str, float],
        alternatives: Mapping[str, Alternatives] | None = None,
    ) -> None:
        """Take the probability of each field and, of fields with few values, of each value."""
        self.whole = whole
        self._fields = dict(fields)
        self._alternatives = dict(alternatives or {})

    @property
    def lowest(self) -> float:
        """The least sure field's probability; 1 if there is no field."""
        return min(self._fields.values(), default=1.0)

    def alternatives(self, path: str) -> Alternatives:
        """The values that a field might have had, most likely first, and their probabilities, which sum to 1.

        Known for a tool's name, enumerations, constants, booleans and null; empty for fields of many values.

        Raises:
            UnknownFieldError: there is no such field, as for `confidence[path]`.
        """
        if path not in self._fields:
            raise self._unknown(path)
        return self._alternatives.get(path, ())

    def __getitem__(self, path: str) -> float:
        try:
            return self._fields[path]
        except KeyError:
            raise self._unknown(path) from None

    def __contains__(self, path: object) -> bool:
        return path in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Confidence) and self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{path}={p:.3f}" for path, p in self._fields.items())
        return f"Confidence(whole={self.whole:.3f}, {fields})"

    def _unknown(self, path: object) -> UnknownFieldError:
        leaves = [known for known in self._fields if known.rpartition(".")[2] == path]
        meant = f"did you mean {', '.join(leaves)}?" if leaves else closest(str(path), self._fields)
        return UnknownFieldError(
            f"there is no field {path!r}; the fields are: {listed(self._fields)}", hint=meant
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON value that `from_json` reads."""
        ranked = {path: [list(pair) for pair in pairs] for path, pairs in self._alternatives.items()}
        return {"whole": self.whole, "fields": self._fields, "alternatives": ranked}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Confidence:
        """The inverse of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: `raw` is something else.
        """
        ranked = {
            path: tuple((value, float(p)) for value, p in pairs)
            for path, pairs in raw["alternatives"].items()
        }
        return cls(float(raw["whole"]), {path: float(p) for path, p in raw["fields"].items()}, ranked)
