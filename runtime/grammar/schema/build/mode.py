"""Modes of a node: property order, notation, closed or open objects, and the polarity of its verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Order = Literal["declared", "any"]
"""Order of an object's properties."""

Encoding = Literal["canonical", "any"]
"""Notation of strings and numbers: one canonical form, or every form that JSON has."""


@dataclass(frozen=True)
class Side:
    """Polarity of an operand in a Boolean formula.

    Attributes:
        positive: its matches count.
        negative: its mismatches count.
        closed: its objects may be closed.
    """

    positive: bool = True
    negative: bool = False
    closed: bool = False


@dataclass(frozen=True)
class Mode:
    """Notation of a node's values, and the polarity of its verdict.

    Attributes:
        closed: read an object that does not mention further properties as closed.
        positive, negative: whether words count as valid for matching, for not matching, or both.
    """

    order: Order
    encoding: Encoding
    closed: bool
    positive: bool = True
    negative: bool = False

    def operand(self, side: Side) -> Mode:
        """The mode of an operand of a Boolean node: every encoding and order, or its complement would have some."""
        return Mode(
            "any",
            "any",
            self.closed and side.closed,
            (side.positive and self.positive) or (side.negative and self.negative),
            (side.positive and self.negative) or (side.negative and self.positive),
        )
