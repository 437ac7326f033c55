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

from agentfast.errors import ToolArgumentsError, ToolDefinitionError
from agentfast.tools.call import ToolDefinition
from agentfast.tools.checks import check_number, shown
from agentfast.tools.docstring import parse_docstring
from agentfast.tools.schema.json_schema import Unenforced
from agentfast.tools.schema.strict_json import strict_json
from agentfast.tools.signature import complaints, read_signature
from agentfast.tools.unicode import lone_surrogate

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

    The schema comes from the annotations, the texts from the docstring: what stands before its sections describes the
    tool, its section of parameters these, in the style of Google, NumPy or Sphinx (`Annotated[int, Field(description=...)]`
    comes first).

    Args:
        function: a sync or async function, bound method, partial or callable object. Every parameter
            needs an annotation and a name.
        name: what the model calls it by; the function's name if None.
        description: in place of the docstring's text.
        timeout: seconds that a call may take; the executor's default if None.

    Raises:
        ToolDefinitionError: the function cannot become a tool; the message names the parameter.
        ConfigError: the timeout is no number above 0.
    """
    if function is not None:
        return _make_tool(function, name, description, timeout)

    def decorate(decorated: Callable[P, R]) -> Tool[P, R]:
        return _make_tool(decorated, name, description, timeout)

    return decorate


def as_tool(function: Tool[..., Any] | Callable[..., Any]) -> Tool[..., Any]:
    """`function` itself if it is a tool already, otherwise a tool made of it."""
    if isinstance(function, Tool):
        return cast("Tool[..., Any]", function)
    return _make_tool(function, None, None, None)


def _make_tool(
    function: Callable[P, R], name: str | None, description: str | None, timeout: float | None
) -> Tool[P, R]:
    if isinstance(function, (staticmethod, classmethod)):
        raise ToolDefinitionError(
            "a static or class method cannot be decorated inside its class",
            hint="make the tool afterwards: tool(Class.method)",
        )
    if not callable(function) or inspect.isclass(function):
        raise ToolDefinitionError(
            f"a tool is made of a function; {shown(function)} is not a function", hint=_instead(function)
        )
    check_number("tool(timeout=...)", timeout, above=0, optional=True)
    inner = _innermost(function)
    tool_name = _tool_name(inner, name)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise ToolDefinitionError(f"tool {tool_name!r} is a generator", hint="return a list")
    summary, parameter_texts = parse_docstring(inner.__doc__)
    signature = read_signature(function, tool_name, parameter_texts)
    text = summary if description is None else description
    _check_description(tool_name, text)
    try:
        parameters = strict_json(signature.parameters)
    except ValueError as error:
        raise ToolDefinitionError(f"tool {tool_name!r}: its JSON Schema {error}") from error
    definition = ToolDefinition(tool_name, text, parameters)
    return Tool(function, definition, timeout, _is_async(inner), signature.validator, signature.unenforced)


def _instead(value: object) -> str | None:
    """Advice on what to give in place of a value that is no function."""
    if inspect.isclass(value):
        return "give one of its methods, or a function that makes an instance"
    if callable(getattr(value, "run_sync", None)):
        return "wrap an agent in a function: async def ask(question: str) -> str: return (await agent.run(question)).output"
    return None


def _check_description(name: str, text: object) -> None:
    if not isinstance(text, str):
        raise ToolDefinitionError(f"tool {name!r}: description is {shown(text)}; it takes a str")
    at = lone_surrogate(text)
    if at is not None:
        raise ToolDefinitionError(f"tool {name!r}: the description holds a lone surrogate at position {at}")


def _tool_name(function: Callable[..., Any], given: str | None) -> str:
    name: str = getattr(function, "__name__", type(function).__name__) if given is None else given
    if not isinstance(name, str) or not _NAME.fullmatch(name):  # pyright: ignore[reportUnnecessaryIsInstance]
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
