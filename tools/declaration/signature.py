"""A function's signature as a JSON Schema and a validator, both made once."""

from __future__ import annotations

import functools
import inspect
import json
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Required

import pydantic_core
import typing_extensions
from pydantic import AliasChoices, AliasPath, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from agentfast.errors import ToolDefinitionError
from agentfast.tools.context import RunContext
from agentfast.tools.schema.json_schema import Unenforced, describe

_MAX_REASON = 300
_LINK = re.compile(r"\s*For further information visit https://errors\.pydantic\.dev/\S*")
_REFUSED = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional-only",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of positional arguments",
    inspect.Parameter.VAR_KEYWORD: "takes any keyword argument",
}
_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_ANY_NUMBER = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@dataclass(frozen=True, slots=True)
class ContextParameter:
    """The first parameter of a function, if it takes the run's context.

    Attributes:
        is_taken: it does.
        type: X of `RunContext[X]`; None where the annotation does not say.
    """

    is_taken: bool = False
    type: Any = None


@dataclass(frozen=True, slots=True)
class Signature:
    """JSON Schema of a function's arguments (a closed object) and the validator that agrees with it.

    Attributes:
        unenforced: checks of the validator that the schema does not state.
        context: the run's context, which is not among the arguments.
    """

    parameters: dict[str, Any]
    validator: TypeAdapter[dict[str, Any]]
    unenforced: tuple[Unenforced, ...] = ()
    context: ContextParameter = ContextParameter()


def read_signature(function: Callable[..., Any], name: str, descriptions: Mapping[str, str]) -> Signature:
    """Schema and validator for the parameters of `function`.

    Args:
        function: a function, bound method, partial or callable object.
        name: the tool's name, for error messages.
        descriptions: text for parameters whose annotation has no `Field(description=...)`.

    Raises:
        ToolDefinitionError: a parameter cannot be filled from JSON; the message names it.
    """
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    except (TypeError, ValueError) as error:  # functions written in C may have none
        raise ToolDefinitionError(
            f"tool {name!r} has no signature to read", hint="wrap it in a Python function"
        ) from error
    hints = _type_hints(function, name)
    context, parameters = _without_context(parameters, hints, name)
    fields: dict[str, Any] = {}
    keys: dict[str, str] = {}  # of parameters, in the JSON object
    for parameter in parameters.values():
        annotation = _annotation(parameter, hints, name)
        key = _key(parameter, annotation, name)
        if key in keys.values():
            raise ToolDefinitionError(f"tool {name!r}: two parameters are called {key!r}")
        keys[parameter.name] = key
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
        schema = tidy_schema(described)
    except (
        Exception
    ) as error:  # pydantic's own, and what the code of a type raises, such as a package that is missing
        raise ToolDefinitionError(_culprit(name, fields) + f": {reason_of(error)}") from error
    _add_defaults(schema["properties"], parameters, keys)
    return Signature(schema, validator, unenforced, context)


def keyword_signature(function: Callable[..., Any], name: str, schema: Mapping[str, Any]) -> ContextParameter:
    """The context's parameter of a function that is called with the members of an object as keyword arguments.

    Raises:
        ToolDefinitionError: it does not take a member that the schema describes, or needs one that may be missing; or an
            annotation cannot be resolved.
    """
    try:
        found: Mapping[str, inspect.Parameter] = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of functions written in C some have none
        return ContextParameter()
    context, parameters = _without_context(found, _type_hints(function, name), name)
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    named = {each.name for each in parameters.values() if each.kind in _BY_NAME}
    for member in schema["properties"]:
        if member not in named and not takes_all:
            raise ToolDefinitionError(
                f"tool {name!r}: the function has no parameter for {member!r}",
                hint="add it, or **arguments for all of them",
            )
    for each in parameters.values():
        needed = each.default is inspect.Parameter.empty and each.kind not in _ANY_NUMBER
        if needed and (each.name not in named or each.name not in schema.get("required", ())):
            raise ToolDefinitionError(
                f"tool {name!r}: parameter {each.name!r} is needed, and the schema does not require it",
                hint='give it a default, or list it under "required"',
            )
    return context


def _without_context(
    parameters: Mapping[str, inspect.Parameter], hints: Mapping[str, Any], name: str
) -> tuple[ContextParameter, Mapping[str, inspect.Parameter]]:
    """The parameter of the context, and the parameters without it."""
    found = ContextParameter()
    rest = dict(parameters)
    for index, parameter in enumerate(parameters.values()):
        annotation = hints.get(parameter.name)
        if annotation is not RunContext and typing.get_origin(annotation) is not RunContext:
            continue
        if index or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            raise ToolDefinitionError(
                f"tool {name!r}: parameter {parameter.name!r} is a RunContext, but not the first",
                hint="put it first",
            )
        del rest[parameter.name]
        found = ContextParameter(is_taken=True, type=next(iter(typing.get_args(annotation)), None))
    return found, rest


def _type_hints(function: Callable[..., Any], name: str) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = function.func
    target = function if inspect.isroutine(function) else type(function).__call__
    try:
        return typing.get_type_hints(target, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
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


def _key(parameter: inspect.Parameter, annotation: Any, name: str) -> str:
    """The parameter's key in the JSON object: its alias, or its name."""
    key = parameter.name
    for info in _field_infos(annotation):
        alias = info.validation_alias if info.validation_alias is not None else info.alias
        if isinstance(alias, (AliasChoices, AliasPath)):
            raise ToolDefinitionError(
                f"tool {name!r}: parameter {parameter.name!r} has several aliases, or a path",
                hint="a tool's parameter has one name: give one string",
            )
        key = key if alias is None else alias
    return key


def _has_description(annotation: Any) -> bool:
    return any(info.description for info in _field_infos(annotation))


def _field_infos(annotation: Any) -> list[FieldInfo]:
    metadata = typing.get_args(annotation)[1:] if typing.get_origin(annotation) is Annotated else ()
    return [item for item in metadata if isinstance(item, FieldInfo)]


def _culprit(name: str, fields: Mapping[str, Any]) -> str:
    """Name the parameter that pydantic cannot handle. They are tried one by one, as its own message does not say."""
    for parameter, annotation in fields.items():
        inner = typing.get_args(annotation)[0]
        try:
            describe(TypeAdapter(inner))
        except Exception:  # noqa: BLE001  (whatever it is, it is this parameter's)
            return f"tool {name!r}: parameter {parameter!r} cannot be described by a JSON Schema"
    return f"tool {name!r} cannot be described by a JSON Schema"


def without_links(text: str) -> str:
    """A text without the addresses of pydantic's pages, which its errors end with."""
    return _LINK.sub("", text)


def reason_of(error: Exception) -> str:
    """The error's text in one line, without pydantic's advice on settings that a tool cannot have."""
    text = " ".join(without_links(str(error)).split()) or type(error).__name__
    return text.partition(". Set `arbitrary")[0][:_MAX_REASON]


def _add_defaults(
    properties: dict[str, Any], parameters: Mapping[str, inspect.Parameter], keys: Mapping[str, str]
) -> None:
    """Show defaults that JSON can express; the function itself fills them in."""
    for parameter in parameters.values():
        if parameter.default is inspect.Parameter.empty:
            continue
        try:
            default = pydantic_core.to_jsonable_python(parameter.default)
        except (pydantic_core.PydanticSerializationError, ValueError):  # ValueError: bytes that are not UTF-8
            continue
        if not _is_finite(default):
            continue
        properties[keys[parameter.name]]["default"] = default


def tidy_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A pydantic schema without titles, with closed objects, and `anyOf` for tagged unions.

    A tagged union's members exclude each other, so `oneOf` and `anyOf` accept the same values.
    """
    tidy: dict[str, Any] = {}
    for key, value in schema.items():
        match key:
            case "title" | "discriminator":
                continue
            case "default" if not _is_finite(value):
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


def _is_finite(value: Any) -> bool:
    """False if infinity or NaN, for which JSON has no words, stands in a JSON value."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def complaints(error: ValidationError, root: str) -> str:
    """pydantic's errors in one line: "id: Input should be a valid integer; at: Field required"."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in detail['loc']) or root}: {without_links(detail['msg'])}"
        for detail in details
    )
