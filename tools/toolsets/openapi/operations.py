"""Operations of an OpenAPI document: what a tool of each is told and takes."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from agentfast.errors import ToolDefinitionError
from agentfast.tools.declaration.names import allowed_names
from agentfast.tools.toolsets.openapi.document import Document
from agentfast.tools.toolsets.openapi.parameters import STYLES, Parameter
from agentfast.tools.toolsets.openapi.schemas import Schemas

METHODS: Final = ("get", "put", "post", "delete", "patch")
_NOT_PARAMETERS: Final = ("accept", "content-type", "authorization")
"""Headers that the standard says are described elsewhere."""
_FORM: Final = "application/x-www-form-urlencoded"


class UnsupportedOperationError(ToolDefinitionError):
    """An operation that no tool can be made of."""


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an operation's request.

    Attributes:
        argument: its name among the tool's arguments.
        media_type: of JSON, or of a form.
        required: it has to be there.
    """

    argument: str
    media_type: str
    required: bool

    @property
    def is_form(self) -> bool:
        """It is written as a form, not as JSON."""
        return self.media_type == _FORM


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a server does.

    Attributes:
        name: its operationId, or "GET /pets/{id}" where it has none.
        method: in capital letters.
        path: with the names of its parameters in braces.
        description: for the model.
        parameters: of its path, query, headers and cookies.
        body: None if it has none.
        schema: of all of them, as the members of one object.
    """

    name: str
    method: str
    path: str
    description: str
    parameters: tuple[Parameter, ...]
    body: Body | None
    schema: Mapping[str, Any]


def operation_names(document: Document) -> dict[str, tuple[str, str]]:
    """Paths and methods by the operations' names, in their order.

    Raises:
        ToolDefinitionError: the paths are none, or two operations share a name.
    """
    found: dict[str, tuple[str, str]] = {}
    paths = document.resolved(document.root.get("paths", {}), "paths")
    for path, item in paths.items():
        members = document.resolved(item, f"the path {path!r}")
        for method in METHODS:
            if method not in members:
                continue
            operation = document.resolved(members[method], f"{method.upper()} {path}")
            name = operation.get("operationId") or f"{method.upper()} {path}"
            if name in found:
                raise ToolDefinitionError(f"two operations of the document are named {name!r}")
            found[str(name)] = (path, method)
    return found


def read_operation(
    document: Document, name: str, path: str, method: str, *, hidden: Collection[str] = ()
) -> Operation:
    """An operation of a document.

    Args:
        document: where it stands.
        name: see `operation_names`.
        path: of the document's.
        method: in small letters.
        hidden: names of headers that are no arguments, in small letters.

    Raises:
        UnsupportedOperationError: a parameter or its body is written in a way that is not supported.
        ToolDefinitionError: the document is wrong there.
    """
    where = f"{method.upper()} {path}"
    item = document.resolved(document.root["paths"][path], where)
    operation = document.resolved(item[method], where)
    schemas = Schemas(document, where)
    described = _described_parameters(document, item, operation, where, hidden)
    body = operation.get("requestBody")
    body = None if body is None else document.resolved(body, f"the body of {where}")
    arguments = _argument_names(described, with_body=body is not None)
    parameters = tuple(
        _parameter(given, arguments[place, name], schemas, where)
        for (place, name), given in described.items()
    )
    missing = set(re.findall(r"{([^{}]*)}", path)) - {
        each.name for each in parameters if each.place == "path"
    }
    if missing:
        raise ToolDefinitionError(f"{where}: the path's parameter {min(missing)!r} is not described")
    properties = {each.argument: each.schema for each in parameters}
    required = [each.argument for each in parameters if each.required]
    written = None
    if body is not None:
        written, properties["body"] = _body(body, schemas, where)
        required += ["body"] if written.required else []
    schema: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    schema |= {"required": required} if required else {}
    schema |= {"$defs": schemas.definitions} if schemas.definitions else {}
    texts = [str(operation[key]).strip() for key in ("summary", "description") if operation.get(key)]
    description = "\n\n".join(dict.fromkeys(texts)) or where
    return Operation(name, method.upper(), path, description, parameters, written, schema)


def _described_parameters(
    document: Document,
    item: Mapping[str, Any],
    operation: Mapping[str, Any],
    where: str,
    hidden: Collection[str],
) -> dict[tuple[str, str], dict[str, Any]]:
    """Parameters by place and name: the path's, and the operation's, which come before them."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for given in [*item.get("parameters", ()), *operation.get("parameters", ())]:
        parameter = document.resolved(given, f"a parameter of {where}")
        place, name = parameter.get("in"), parameter.get("name")
        if not isinstance(name, str) or not isinstance(place, str) or place not in STYLES:
            raise ToolDefinitionError(f"{where}: a parameter has the name {name!r} and the place {place!r}")
        if place == "header" and (name.lower() in _NOT_PARAMETERS or name.lower() in hidden):
            continue
        found[place, name] = parameter
    return found


def _argument_names(described: Collection[tuple[str, str]], *, with_body: bool) -> dict[tuple[str, str], str]:
    """Names of arguments that models and servers take, all different, by a parameter's place and name."""
    names = [name for _, name in described] + (["body"] if with_body else [])
    wanted = {
        (place, name): name if names.count(name) == 1 else f"{place}_{name}" for place, name in described
    }
    allowed = allowed_names([*wanted.values(), "body"])
    return {key: allowed[name] for key, name in wanted.items()}


def _parameter(given: Mapping[str, Any], argument: str, schemas: Schemas, where: str) -> Parameter:
    name, place = given["name"], given["in"]
    style = given.get("style", STYLES[place][0])
    if style not in STYLES[place]:
        raise UnsupportedOperationError(f"{where}: parameter {name!r} is of the style {style!r}")
    schema, is_json = given.get("schema"), False
    if schema is None:
        media_type, schema = _json_content(given.get("content"), f"{where}: parameter {name!r}")
        is_json = media_type is not None
    written = schemas.standalone({} if schema is None else schema)
    if given.get("description") and isinstance(written, dict) and "description" not in written:
        written = {**cast("dict[str, Any]", written), "description": str(given["description"]).strip()}
    explode = bool(given.get("explode", style in ("form", "deepObject")))
    required = place == "path" or given.get("required") is True
    return Parameter(name, argument, place, written, required, style, explode, is_json)


def _body(given: Mapping[str, Any], schemas: Schemas, where: str) -> tuple[Body, dict[str, Any]]:
    """The body, and the schema of its argument."""
    content = cast("Mapping[str, Any]", given.get("content") or {})
    if _FORM in content and not any(map(_is_json, content)):
        media_type, schema = _FORM, content[_FORM].get("schema", {})
    else:
        media_type, schema = _json_content(content, f"the body of {where}")
    written = schemas.standalone({} if schema is None else schema)
    if given.get("description") and "description" not in written:
        written = {**written, "description": str(given["description"]).strip()}
    return Body("body", media_type, given.get("required") is True), written


def _json_content(content: object, where: str) -> tuple[str, Any]:
    """The media type of JSON among those of a content, and its schema."""
    kinds = cast("Mapping[str, Any]", content) if isinstance(content, Mapping) else {}
    for media_type, described in kinds.items():
        if _is_json(media_type):
            return media_type, described.get("schema", {})
    raise UnsupportedOperationError(f"{where} has no JSON, but {', '.join(kinds) or 'nothing'}")


def _is_json(media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")
