"""Instructions of an agent: a text, or functions that write it when a run begins."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar, cast

from agentfast.agent.definitions.functions import ContextFunction
from agentfast.errors import ConfigError
from agentfast.tools.checks import check_text, shown
from agentfast.tools.context import RunContext
from agentfast.tools.unicode import is_text

D = TypeVar("D")

Part: TypeAlias = str | Callable[[RunContext[D]], str | Awaitable[str]] | Callable[[], str | Awaitable[str]]
InstructionsLike: TypeAlias = Part[D] | Sequence[Part[D]]
"""A text, a function that writes one, sync or async, with the run's context if it takes one; or a list of them."""


class Instructions:
    """The instructions of an agent.

    Attributes:
        text: the whole text, if no function writes part of it; otherwise None.
    """

    def __init__(self, given: object) -> None:
        """Take a text, a function, or a list of both.

        Raises:
            ConfigError: it is something else.
        """
        self.text: str | None = None
        self._parts: tuple[str | ContextFunction, ...]
        if isinstance(given, (list, tuple)):
            items = cast("Iterable[object]", given)
            self._parts = tuple(_part(item, f"instructions[{index}]") for index, item in enumerate(items))
        else:
            self._parts = (_part(given, "instructions"),)
        texts = [part for part in self._parts if isinstance(part, str)]
        if len(texts) == len(self._parts):
            self.text = _joined(texts)

    async def write(self, context: Callable[[], RunContext[Any]]) -> str:
        """The text for a run.

        Raises:
            ConfigError: a function wrote something else than a text.
        """
        if self.text is not None:
            return self.text
        texts: list[str] = []
        for part in self._parts:
            text: object = part if isinstance(part, str) else part(context)
            if inspect.isawaitable(text):
                text = await text
            if not isinstance(text, str) or not is_text(text):
                raise ConfigError(f"an instructions function wrote {shown(text)}", hint="return a str")
            texts.append(text)
        return _joined(texts)


def _part(given: object, name: str) -> str | ContextFunction:
    if callable(given):
        return ContextFunction(given, name, arguments=0)
    check_text(name, given, hint="or a function that returns one, or a list of both")
    assert isinstance(given, str)
    return given


def _joined(texts: Sequence[str]) -> str:
    return "\n\n".join(text for text in texts if text)
