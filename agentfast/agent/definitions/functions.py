"""Functions of a user's that take the run's context as their first argument, or do without it."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any

from agentfast.errors import ConfigError
from agentfast.tools.checks import refuse
from agentfast.tools.context import RunContext


class ContextFunction:
    """A function that may take the run's context before its other arguments: its annotation says so, or their number."""

    __slots__ = ("_function", "_takes_context")

    def __init__(self, function: object, name: str, *, arguments: int) -> None:
        """Take a function of so many arguments besides the context.

        Raises:
            ConfigError: it is no function, or it takes another number.
        """
        if not callable(function) or isinstance(function, type):
            refuse(name, function, "a function")
        assert callable(function)
        self._takes_context = _takes_context(function, name, arguments)
        self._function: Callable[..., Any] = function

    def __call__(self, context: Callable[[], RunContext[Any]], *arguments: Any) -> Any:
        """Call the function; the context is made only if it takes one."""
        return self._function(context(), *arguments) if self._takes_context else self._function(*arguments)


def _takes_context(function: Callable[..., Any], name: str, arguments: int) -> bool:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # functions written in C may have none: they take no context
        return False
    positional = [
        parameter
        for parameter in signature.parameters.values()
        if parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    required = sum(parameter.default is inspect.Parameter.empty for parameter in positional)
    if positional and _is_context(positional[0].annotation):
        taken = arguments + 1
    else:
        taken = max(required, arguments)
    try:
        signature.bind(*[None] * taken)
        if taken > arguments + 1:
            raise TypeError
    except TypeError:
        without = "no argument" if arguments == 0 else f"{arguments} argument"
        raise ConfigError(
            f"{name} takes {signature}", hint=f"it takes {without}, or the run's context before that"
        ) from None
    return taken == arguments + 1


def _is_context(annotation: object) -> bool:
    """True for RunContext, with its parameter or without, also as the text that a postponed annotation is."""
    if isinstance(annotation, str):
        return annotation.split("[")[0].split(".")[-1] == RunContext.__name__
    return typing.get_origin(annotation) is RunContext or annotation is RunContext
