"""A function's signature as a JSON Schema and a validator, both made once."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Required

import pydantic_core
import typing_extensions
from pydantic import ConfigDict, Field, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError
from pydantic.fields import FieldInfo

from agentfast.errors import ToolDefinitionError
from agentfast.tools.json_schema import Unenforced, describe

_REFUSED = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of positional arguments",
    inspect.Parameter.VAR_KEYWORD: "takes any keyword argument",
}


@dataclass(frozen=True, slots=True)
class Signature:
    """JSON Schema of a function's arguments (a closed object) and the validator that agrees with it.

    Attributes:
        unenforced: checks of the validator that the schema does not state.
    """

    parameters: dict[str, Any]
    validator: TypeAdapter[dict[str, Any]]
    unenforced: tuple[Unenforced, ...] = ()


def read_signature(function: Callable[..., Any], name: str, descriptions: Mapping[str, str]) -> Signature:
    """Schema and validator for the parameters of `function`.

    Args:
        function: a function, bound method, partial or callable object.
        name: the tool's name, for error messages.
        descriptions: text for parameters whose annotation has no `Field(description=...)`.

    Raises:
        ToolDefinitionError: a parameter cannot be filled from JSON; the message names it.
    """
    parameters = inspect.signature(function).parameters
    hints = _type_hints(function, name)
    fields: dict[str, Any] = {}
    for parameter in parameters.values():
        annotation = _annotation(parameter, hints, name)
        text = descriptions.get(parameter.name)
        if text and not _has_description(annotation):
            annotation = Annotated[annotation, Field(description=text)]
        required = parameter.default is inspect.Parameter.empty
        fields[parameter.name] = Required[annotation] if required else NotRequired[annotation]
    # A TypedDict, because its fields may have any name and its validator gives the keyword arguments as they are.
    make_typed_dict: Any = typing_extensions.TypedDict
    arguments = make_typed_dict("Arguments", fields)
    arguments.__pydantic_config__ = ConfigDict(extra="forbid")
    try:
        validator = TypeAdapter[dict[str, Any]](arguments)
        described, unenforced = describe(validator)
    except (PydanticSchemaGenerationError, PydanticUserError, ImportError) as error:
        raise ToolDefinitionError(_culprit(name, fields) + f": {_first_line(error)}") from error
    schema = tidy_schema(described)
    _add_defaults(schema["properties"], parameters)
    return Signature(schema, validator, unenforced)


def _type_hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError) as error:
        raise ToolDefinitionError(
            f"tool {name!r}: an annotation cannot be resolved: {error}",
            hint="types that a tool's annotations mention must be importable at module level",
        ) from error


def _annotation(parameter: inspect.Parameter, hints: Mapping[str, Any], name: str) -> Any:
    where = f"tool {name!r}: parameter {parameter.name!r}"
    if parameter.kind in _REFUSED:
        raise ToolDefinitionError(f"{where} {_REFUSED[parameter.kind]}", hint="name every argument")
    if parameter.name not in hints:
        hint = "annotate it, e.g. int"
        if parameter.name in ("self", "cls"):
            hint = "make the tool from the bound method: tool(obj.method)"
        raise ToolDefinitionError(f"{where} has no type annotation", hint=hint)
    if isinstance(parameter.default, FieldInfo):
        raise ToolDefinitionError(
            f"{where} has a Field as its default", hint="write Annotated[type, Field(...)] = default"
        )
    return hints[parameter.name]


def _has_description(annotation: Any) -> bool:
    metadata = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is Annotated else ()
    return any(isinstance(item, FieldInfo) and item.description for item in metadata)


def _culprit(name: str, fields: Mapping[str, Any]) -> str:
    """Name the parameter that pydantic cannot handle. They are tried one by one, as its own message does not say."""
    for parameter, annotation in fields.items():
        inner = typing.get_args(annotation)[0]
        try:
            describe(TypeAdapter(inner))
        except (PydanticSchemaGenerationError, PydanticUserError, ImportError):
            return f"tool {name!r}: parameter {parameter!r} cannot be described by a JSON Schema"
    return f"tool {name!r} cannot be described by a JSON Schema"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _add_defaults(properties: dict[str, Any], parameters: Mapping[str, inspect.Parameter]) -> None:
    """Show defaults that JSON can express; the function itself fills them in."""
    for parameter in parameters.values():
        if parameter.default is inspect.Parameter.empty:
            continue
        try:
            default = pydantic_core.to_jsonable_python(parameter.default)
        except (pydantic_core.PydanticSerializationError, ValueError):  # ValueError: bytes that are not UTF-8
            continue
        properties[parameter.name]["default"] = default


def tidy_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A pydantic schema without titles, with closed objects, and `anyOf` for tagged unions.

    A tagged union's members exclude each other, so `oneOf` and `anyOf` accept the same values.
    """
    tidy: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "title" | "discriminator":
                continue
            case "properties" | "$defs":
                tidy[key] = {name: tidy_schema(inner) for name, inner in value.items()}
            case "oneOf" if "discriminator" in schema:
                tidy["anyOf"] = [tidy_schema(inner) for inner in value]
            case "anyOf" | "oneOf" | "allOf" | "prefixItems":
                tidy[key] = [tidy_schema(inner) for inner in value]
            case "items" | "additionalProperties" | "propertyNames" | "not" if isinstance(value, dict):
                tidy[key] = tidy_schema(typing.cast("dict[str, Any]", value))
            case _:
                tidy[key] = value
    if tidy.get("type") == "object" and "additionalProperties" not in tidy and "properties" in tidy:
        tidy["additionalProperties"] = False
    return tidy


def complaints(error: ValidationError, root: str) -> str:
    """pydantic's errors in one line: "id: Input should be a valid integer; at: Field required"."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in detail['loc']) or root}: {detail['msg']}" for detail in details
    )
