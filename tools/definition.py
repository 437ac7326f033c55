"""A Python function as a tool: its declaration for the model, and its validated call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Concatenate, Generic, ParamSpec, Protocol, TypeVar, Unpack, overload

import pydantic_core
from pydantic import ValidationError
from typing_extensions import TypeVar as DefaultTypeVar

from agentfast.errors import ToolArgumentsError, ToolDefinitionError
from agentfast.tools.call import ToolDefinition
from agentfast.tools.checks import shown
from agentfast.tools.context import RunContext
from agentfast.tools.declaration.docstring import parse_docstring
from agentfast.tools.declaration.names import checked_name
from agentfast.tools.declaration.options import NamedToolOptions, ToolOptions, check_options
from agentfast.tools.declaration.signature import (
    ContextParameter,
    complaints,
    keyword_signature,
    read_signature,
)
from agentfast.tools.schema.json_schema import Unenforced
from agentfast.tools.schema.strict_json import strict_json
from agentfast.tools.unicode import lone_surrogate

__all__ = ["FunctionTool", "Tool", "ToolDefinition", "as_tool", "tool"]

P = ParamSpec("P")
R = TypeVar("R")
D = TypeVar("D")
ContextT = DefaultTypeVar("ContextT", contravariant=True, default=Any)
Validator = Callable[[bytes], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Tool(Generic[ContextT]):
    """An action that a model may take. `Tool[Deps]` takes the context of a run with such deps.

    Attributes:
        function: the function, bound method, partial or callable object.
        definition: what the model is told.
        timeout: seconds that a call may take; None leaves it to the executor.
        is_async: the function is awaited on the event loop; otherwise it runs in a worker thread.
        unenforced: checks of its parameters that their schema does not state; see json_schema.py.
        takes_context: its first argument is the run's context.
        context_type: X of `RunContext[X]`; None where the annotation does not say.
        retries: failures in a row that a run goes on after; None leaves it to the run's limits.
        concurrency: calls of it that may be under way at once on an event loop; None leaves it to the executor.
        pure: a call has no effect: it may be started early, run again, or run doubtful.
        idempotent: a call may be run again with the same arguments, as after a crash.
        requires_approval: calls are decided on before they run; or a function of the arguments that tells which.
        max_result_bytes: a longer result is cut, with a marker; None leaves it to the executor.
        original_name: its name where it comes from, if it has another one here; None if it has not.
    """

    function: Callable[..., Any]
    definition: ToolDefinition
    timeout: float | None
    is_async: bool
    _validator: Validator = field(repr=False)
    unenforced: tuple[Unenforced, ...] = field(default=(), repr=False)
    takes_context: bool = False
    context_type: Any = None
    retries: int | None = None
    concurrency: int | None = None
    pure: bool = False
    idempotent: bool = False
    requires_approval: bool | Callable[..., bool] = False
    max_result_bytes: int | None = None
    original_name: str | None = None

    @classmethod
    def from_schema(
        cls,
        name: str,
        schema: Mapping[str, Any],
        function: Callable[..., Any],
        *,
        description: str = "",
        **options: Unpack[ToolOptions],
    ) -> Tool[Any]:
        """A tool whose parameters are a JSON Schema; the function takes plain JSON values as keyword arguments.

        Args:
            name: what the model calls it by.
            schema: of the arguments, an object. One that does not say which other members there may be has none. Formats
                are not checked.
            function: sync or async; its first parameter is the run's context if it is annotated so.
            description: for the model.
            options: as for `tool`.

        Raises:
            ToolDefinitionError: the schema is none of an object, or refers to what it does not hold; the name is not
                allowed; or the function does not take what the schema describes.
            ConfigError: an option is something else than it takes.
        """
        if not callable(function) or inspect.isclass(function):
            raise ToolDefinitionError(
                f"tool {name!r} takes a function, not {shown(function)}", hint=_instead(function)
            )
        from agentfast.tools.schema.arguments import object_schema, validator_of  # jsonschema takes a while

        check_options(options)
        checked_name(name)
        check_description(name, description)
        check_no_generator(function, name)
        parameters = object_schema(name, schema)
        definition = ToolDefinition(name, description, parameters)
        context = keyword_signature(function, name, parameters)
        return _tool_of(cls, function, definition, validator_of(name, parameters), context, options)

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

    def validate(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Decoded JSON arguments as the function's keyword arguments, with dates, enums and models built.

        Strict: a string is not taken for a number, so what passes is what the schema describes.

        Raises:
            ToolArgumentsError: the arguments do not match the schema; the message names each bad one.
        """
        try:
            return self._validator(pydantic_core.to_json(arguments))
        except ToolArgumentsError:  # of a schema's validator
            raise
        except ValidationError as error:
            raise ToolArgumentsError("invalid arguments: " + complaints(error, "arguments")) from error
        except (pydantic_core.PydanticSerializationError, ValueError) as error:
            raise ToolArgumentsError(f"arguments are not JSON: {error}") from error


class FunctionTool(Tool[object], Generic[P, R]):
    """A tool made of a function that takes no context. Calling it from Python calls the function, unchecked."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function as if it were not a tool."""
        result: R = self.function(*args, **kwargs)
        return result


class ToolDecorator(Protocol):
    """Makes a tool of a function."""

    @overload
    def __call__(self, function: Callable[Concatenate[RunContext[D], P], R], /) -> Tool[D]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    function: Callable[Concatenate[RunContext[D], P], R], /, **options: Unpack[NamedToolOptions]
) -> Tool[D]: ...
@overload
def tool(function: Callable[P, R], /, **options: Unpack[NamedToolOptions]) -> FunctionTool[P, R]: ...
@overload
def tool(**options: Unpack[NamedToolOptions]) -> ToolDecorator: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Unpack[NamedToolOptions]) -> Any:
    """Make a tool of a function, as `@tool`, `@tool(timeout=5)` or `tool(obj.method)`.

    The schema comes from the annotations, the texts from the docstring: what stands before its sections describes the
    tool, its section of parameters these, in the style of Google, NumPy or Sphinx (`Annotated[int, Field(description=...)]`
    comes first). A first parameter annotated `RunContext[Deps]` gets the run's context, and is not in the schema.

    Args:
        function: a sync or async function, bound method, partial or callable object. Every parameter
            needs an annotation and a name.
        options: name, what the model calls it by, the function's name if None; description, in place of the docstring's
            text; and those of `ToolOptions`.

    Raises:
        ToolDefinitionError: the function cannot become a tool; the message names the parameter.
        ConfigError: an option is something else than it takes.
    """
    if function is not None:
        return _make_tool(function, options)
    return lambda decorated: _make_tool(decorated, options)


def as_tool(function: Tool[Any] | Callable[..., Any]) -> Tool[Any]:
    """`function` itself if it is a tool already, otherwise a tool made of it."""
    if isinstance(function, Tool):
        return function
    return _make_tool(function, {})


def _make_tool(function: Callable[..., Any], options: NamedToolOptions) -> Tool[Any]:
    if isinstance(function, (staticmethod, classmethod)):
        raise ToolDefinitionError(
            "a static or class method cannot be decorated inside its class",
            hint="make the tool afterwards: tool(Class.method)",
        )
    if not callable(function) or inspect.isclass(function):
        raise ToolDefinitionError(
            f"a tool is made of a function; {shown(function)} is not a function", hint=_instead(function)
        )
    check_options(options)
    inner = _innermost(function)
    named = options.get("name")
    tool_name = checked_name(getattr(inner, "__name__", type(inner).__name__) if named is None else named)
    check_no_generator(inner, tool_name)
    summary, parameter_texts = parse_docstring(inner.__doc__)
    signature = read_signature(function, tool_name, parameter_texts)
    given = options.get("description")
    text = summary if given is None else given
    check_description(tool_name, text)
    try:
        parameters = strict_json(signature.parameters)
    except ValueError as error:
        raise ToolDefinitionError(f"tool {tool_name!r}: its JSON Schema {error}") from error
    made: type[Tool[Any]] = Tool if signature.context.is_taken else FunctionTool
    definition = ToolDefinition(tool_name, text, parameters)
    validator = functools.partial(signature.validator.validate_json, strict=True)
    return _tool_of(made, function, definition, validator, signature.context, options, signature.unenforced)


def _tool_of(
    cls: type[Tool[Any]],
    function: Callable[..., Any],
    definition: ToolDefinition,
    validator: Validator,
    context: ContextParameter,
    options: ToolOptions,
    unenforced: tuple[Unenforced, ...] = (),
) -> Tool[Any]:
    return cls(
        function,
        definition,
        options.get("timeout"),
        is_async(_innermost(function)),
        validator,
        unenforced,
        context.is_taken,
        context.type,
        options.get("retries"),
        options.get("concurrency"),
        options.get("pure", False),
        options.get("idempotent", False),
        options.get("requires_approval", False),
        options.get("max_result_bytes"),
    )


def _instead(value: object) -> str | None:
    """Advice on what to give in place of a value that is no function."""
    if inspect.isclass(value):
        return "give one of its methods, or a function that makes an instance"
    if callable(getattr(value, "run_sync", None)):
        return "wrap an agent in a function: async def ask(question: str) -> str: return (await agent.run(question)).output"
    return None


def check_description(name: str, text: object) -> None:
    """A text for the model.

    Raises:
        ToolDefinitionError: it is something else.
    """
    if not isinstance(text, str):
        raise ToolDefinitionError(f"tool {name!r}: description is {shown(text)}; it takes a str")
    at = lone_surrogate(text)
    if at is not None:
        raise ToolDefinitionError(f"tool {name!r}: the description holds a lone surrogate at position {at}")


def check_no_generator(function: Callable[..., Any], name: str) -> None:
    """A function that returns its result.

    Raises:
        ToolDefinitionError: it yields.
    """
    inner = _innermost(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise ToolDefinitionError(f"tool {name!r} is a generator", hint="return a list")


def _innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    while isinstance(function, functools.partial):
        function = function.func
    return function


def is_async(function: Callable[..., Any]) -> bool:
    """True if calling the function gives an awaitable."""
    call = getattr(function, "__call__", None)  # noqa: B004  (an object whose __call__ is async)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)
