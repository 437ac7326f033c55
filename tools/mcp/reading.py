"""Resources and prompts of an MCP server, as plain data."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agentfast.tools.mcp.listing import all_pages
from agentfast.tools.mcp.results import part_value

if TYPE_CHECKING:
    from mcp import Client, types


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that a server lets one read.

    Attributes:
        uri: its address; of a template, with names in braces.
        name: for people.
        description: "" where there is none.
        mime_type: None where it is not known.
        size: in bytes; None where it is not known.
        is_template: the address has parameters.
    """

    uri: str
    name: str
    description: str = ""
    mime_type: str | None = None
    size: int | None = None
    is_template: bool = False


@dataclass(frozen=True, slots=True)
class ResourceContents:
    """A resource as it was read, or one of several that are behind one address.

    Attributes:
        uri: its address.
        mime_type: None where it is not known.
        text: None if it is binary.
        data: None if it is a text.
    """

    uri: str
    mime_type: str | None
    text: str | None
    data: bytes | None


@dataclass(frozen=True, slots=True)
class PromptArgument:
    """An argument of a prompt."""

    name: str
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt that a server has ready."""

    name: str
    description: str
    arguments: tuple[PromptArgument, ...]


@dataclass(frozen=True, slots=True)
class PromptMessage:
    """A message of a prompt.

    Attributes:
        role: "user" or "assistant".
        content: a text; or, of what is none, a description (see docs/mcp.md).
    """

    role: str
    content: Any


async def read_resources(client: Client) -> list[Resource]:
    """The resources of a server, then the templates of their addresses."""
    from mcp import MCPError
    from mcp.types import METHOD_NOT_FOUND

    if client.server_capabilities.resources is None:
        return []
    listed = await all_pages(lambda cursor: client.list_resources(cursor=cursor), "resources")
    try:
        templates = await all_pages(
            lambda cursor: client.list_resource_templates(cursor=cursor), "resource_templates"
        )
    except MCPError as error:
        if error.code != METHOD_NOT_FOUND:  # a server may have none
            raise
        templates = []
    return [
        *(_resource(each, each.uri, each.size) for each in listed),
        *(_resource(each, each.uri_template, None, is_template=True) for each in templates),
    ]


async def read_prompts(client: Client) -> list[Prompt]:
    """The prompts of a server."""
    if client.server_capabilities.prompts is None:
        return []
    listed = await all_pages(lambda cursor: client.list_prompts(cursor=cursor), "prompts")
    return [_prompt(each) for each in listed]


def contents(raw: types.TextResourceContents | types.BlobResourceContents) -> ResourceContents:
    """Contents of the package's."""
    text = getattr(raw, "text", None)
    blob = getattr(raw, "blob", None)
    data = None if blob is None else base64.b64decode(blob)
    return ResourceContents(str(raw.uri), raw.mime_type, text, data)


def prompt_message(raw: types.PromptMessage) -> PromptMessage:
    """A message of the package's."""
    is_text = raw.content.type == "text"
    return PromptMessage(raw.role, getattr(raw.content, "text", "") if is_text else part_value(raw.content))


def _resource(raw: Any, uri: str, size: int | None, *, is_template: bool = False) -> Resource:
    return Resource(str(uri), raw.title or raw.name, raw.description or "", raw.mime_type, size, is_template)


def _prompt(raw: types.Prompt) -> Prompt:
    arguments = tuple(
        PromptArgument(each.name, each.description or "", bool(each.required)) for each in raw.arguments or ()
    )
    return Prompt(raw.name, raw.description or "", arguments)
