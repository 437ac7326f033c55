"""Resources and prompts of an MCP server, as plain data."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp import types


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


def resource(raw: types.Resource | types.ResourceTemplate) -> Resource:
    """A resource of the package's."""
    uri = getattr(raw, "uri_template", None) or raw.uri  # type: ignore[union-attr]
    return Resource(
        str(uri),
        raw.title or raw.name,
        raw.description or "",
        raw.mime_type,
        getattr(raw, "size", None),
        hasattr(raw, "uri_template"),
    )


def contents(raw: types.TextResourceContents | types.BlobResourceContents) -> ResourceContents:
    """Contents of the package's."""
    text: str | None = getattr(raw, "text", None)
    blob: str | None = getattr(raw, "blob", None)
    return ResourceContents(
        str(raw.uri), raw.mime_type, text, None if blob is None else base64.b64decode(blob)
    )


def prompt(raw: types.Prompt) -> Prompt:
    """A prompt of the package's."""
    arguments = tuple(
        PromptArgument(each.name, each.description or "", bool(each.required)) for each in raw.arguments or ()
    )
    return Prompt(raw.name, raw.description or "", arguments)
