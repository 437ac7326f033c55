"""A Python function as a tool: its declaration for the model, and its validated call."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

import pydantic_core
from pydantic import TypeAdapter, ValidationError

from agentfast.errors import ConfigError, ToolArgumentsError, ToolDefinitionError
from agentfast.tools.call import ToolDefinition
from agentfast.tools.docstring import parse_docstring
from agentfast.tools.json_schema import Unenforced
from agentfast.tools.signature import complaints, read_signature

__all__ = ["Tool", "ToolDefinition", "as_tool", "tool"]

P = ParamSpec("P")
R = TypeVar("R")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, eq=False)
class Tool(Generic[P, R]):
    """A function that a model may call. Calling it from Python calls the function, unchecked.

    Attributes:
        function: the function, bound method, partial or callable object.
        definition: what the model is told.
        timeout: seconds that a call may take; None leaves it to the executor.
        is_async: the function is awaited on the event loop; otherwise it runs in a worker thread.
        unenforced: checks of its parameters that their schema does not state; see json_schema.py.
    """

    function: Callable[P, R]
    definition: ToolDefinition
    timeout: float | None
    is_async: bool
    _validator: TypeAdapter[dict[str, Any]] = field(repr=False)
    unenforced: tuple[Unenforced, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The name the model calls it by."""
        return self.definition.name

    @property
    def description(self) -> str:
        """The description in the declaration."""
        return self.definition.description

    @property
    def parameters(self) -> Mapping[str, Any]:
        """JSON Schema of the arguments, a closed object."""
        return self.definition.parameters

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as if it were not a tool."""
        return self.function(*args, **kwargs)

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Decoded JSON arguments as the function's keyword arguments, with dates, enums and models built.

        Strict: a string is not taken for a number, so what passes is what the schema describes.

        Raises:
            ToolArgumentsError: the arguments do not match the schema; the message names each bad one.
        """
        try:
            return self._validator.validate_json(pydantic_core.to_json(arguments), strict=True)
        except ValidationError as error:
            raise ToolArgumentsError("invalid arguments: " + complaints(error, "arguments")) from error
        except (pydantic_core.PydanticSerializationError, ValueError) as error:
            raise ToolArgumentsError(f"arguments are not JSON: {error}") from error


@overload
def tool(
    function: Callable[P, R],
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Tool[P, R]: ...
@overload
def tool(
    *, name: str | None = None, description: str | None = None, timeout: float | None = None
) -> Callable[[Callable[P, R]], Tool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = None,
) -> Tool[P, R] | Callable[[Callable[P, R]], Tool[P, R]]:
    """Make a tool of a function, as `@tool`, `@tool(timeout=5)` or `tool(obj.method)`.

    The schema comes from the annotations, the texts from the docstring: its first paragraph describes the
    tool, a Google-style "Args:" section the parameters (`Annotated[int, Field(description=...)]` comes first).

    Args:
        function: a sync or async function, bound method, partial or callable object. Every parameter
            needs an annotation and a name.
        name: what the model calls it by; the function's name if None.
        description: in place of the docstring's first paragraph.
        timeout: seconds that a call may take; the executor's default if None.

    Raises:
        ToolDefinitionError: the function cannot become a tool; the message names the parameter.
        ConfigError: the timeout is not positive.
    """
    if function is not None:
        return _make_tool(function, name, description, timeout)

    def decorate(decorated: Callable[P, R]) -> Tool[P, R]:
        return _make_tool(decorated, name, description, timeout)

    return decorate


def as_tool(function: Tool[..., Any] | Callable[..., Any]) -> Tool[..., Any]:
    """`function` itself if it is a tool already, otherwise a tool made of it."""
    return cast("Tool[..., Any]", function) if isinstance(function, Tool) else tool(function)


def _make_tool(
    function: Callable[P, R], name: str | None, description: str | None, timeout: float | None
) -> Tool[P, R]:
    if isinstance(function, (staticmethod, classmethod)):
        raise ToolDefinitionError(
            "a static or class method cannot be decorated inside its class",
            hint="make the tool afterwards: tool(Class.method)",
        )
    if not callable(function) or inspect.isclass(function):
        raise ToolDefinitionError(f"{function!r} is not a function")
    if timeout is not None and not timeout > 0:
        raise ConfigError(f"timeout must be positive, not {timeout}")
    inner = _innermost(function)
    tool_name = _tool_name(inner, name)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise ToolDefinitionError(f"tool {tool_name!r} is a generator", hint="return a list")
    summary, parameter_texts = parse_docstring(inner.__doc__)
    signature = read_signature(function, tool_name, parameter_texts)
    text = summary if description is None else description
    definition = ToolDefinition(tool_name, text, signature.parameters)
    return Tool(function, definition, timeout, _is_async(inner), signature.validator, signature.unenforced)


def _tool_name(function: Callable[..., Any], given: str | None) -> str:
    name: str = getattr(function, "__name__", type(function).__name__) if given is None else given
    if not _NAME.fullmatch(name):
        raise ToolDefinitionError(
            f"{name!r} is not a tool name", hint="pass name= with up to 64 letters, digits, _ or -"
        )
    return name


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def _is_async(function: Callable[..., Any]) -> bool:
    call = getattr(function, "__call__", None)  # noqa: B004  (an object whose __call__ is async)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
