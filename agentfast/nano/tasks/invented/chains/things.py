"""Records that a chain has found, and the request's words for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.invented.arguments import Argument
from agentfast.nano.tasks.invented.chains.phrases import KNOWN_VALUE, RETURNED, VALUE, say


@dataclass(slots=True)
class Thing:
    """One record, or several that are all treated alike.

    Attributes:
        phrase: the request's words for it the first time.
        fields: of its records, those whose values may be used.
        turn: the first turn in which they are known.
        many: True if the request means several records; there may still be only one.
        is_known: True if the request has spoken of it already.
        is_returned: True for the result of an action.
    """

    noun: str
    phrase: str
    fields: list[Argument]
    records: list[dict[str, Any]]
    turn: int
    many: bool = False
    is_known: bool = False
    is_returned: bool = False

    def mention(self) -> str:
        """The request's words for the thing: the first time in full."""
        if not self.is_known:
            self.is_known = True
            return self.phrase
        return "each of them" if self.many else f"the {self.noun}"


def say_value(thing: Thing, field: Argument, values: Values) -> str:
    """The request's words for a value; of rows that are treated alike, after it has named them."""
    if thing.is_returned:
        return say(RETURNED, values, key=field.name)
    if thing.many and thing.is_known:
        return f"its {field.name}"
    if thing.is_known:
        return say(KNOWN_VALUE, values, key=field.name, noun=thing.noun)
    return say(VALUE, values, key=field.name, thing=thing.mention())
