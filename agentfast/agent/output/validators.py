"""Output validators: functions that check an answer, change it, or send the model back with a reason."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias, TypeVar

from agentfast.agent.definitions.functions import ContextFunction
from agentfast.agent.errors import OutputError
from agentfast.errors import ModelRetry
from agentfast.tools.checks import check_list
from agentfast.tools.context import RunContext

D = TypeVar("D")
T = TypeVar("T")

OutputValidator: TypeAlias = Callable[[T], T | Awaitable[T]] | Callable[[RunContext[D], T], T | Awaitable[T]]
"""Takes an answer, after the run's context if it likes, and returns it or another; may be async.

It raises ModelRetry with the reason to have the model answer again.
"""


class Validators:
    """The output validators of an agent, in their order."""

    def __init__(self, validators: Iterable[Callable[..., Any]]) -> None:
        """Take the functions.

        Raises:
            ConfigError: it is no collection, or one of them is no function of an answer.
        """
        hint = "put it into a list: output_validators=[...]" if callable(validators) else None
        check_list("output_validators", validators, "a list of functions", hint=hint)
        self._functions = tuple(
            ContextFunction(validator, f"output_validators[{index}]", arguments=1)
            for index, validator in enumerate(validators)
        )

    def __bool__(self) -> bool:
        return bool(self._functions)

    async def check(self, output: Any, text: str, context: Callable[[], RunContext[Any]]) -> Any:
        """The answer as the validators leave it.

        Raises:
            OutputError: one of them sends the model back.
        """
        for function in self._functions:
            try:
                output = function(context, output)
                if inspect.isawaitable(output):
                    output = await output
            except ModelRetry as error:
                raise OutputError(error.message, text) from error
        return output
