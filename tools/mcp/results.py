"""Results of an MCP server's tools as values of JSON that a model reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agentfast.errors import ToolError

if TYPE_CHECKING:
    from mcp.types import CallToolResult, ContentBlock


def result_value(result: CallToolResult) -> Any:
    """The value of a result.

    Structured content is the value. Otherwise a single text is: decoded, if it is a JSON object or array. Of several parts it is
    the list. An image, sound or other binary is described, as no model of ours reads it: {"type": "image", "mime_type":
    "image/png", "bytes": 1234}. A link to a resource has its address.

    Raises:
        ToolError: the result is an error; its text is the message.
    """
    if result.is_error:
        texts = [block.text for block in result.content if block.type == "text"]
        raise ToolError("\n".join(texts) or "the tool failed, and did not say why")
    parts = [part_value(block) for block in result.content]
    if result.structured_content is not None:
        others = [
            part for block, part in zip(result.content, parts, strict=True) if block.type != "text"
        ]  # the texts say the same again
        return {"result": result.structured_content, "parts": others} if others else result.structured_content
    return parts[0] if len(parts) == 1 else parts or None


def part_value(block: ContentBlock) -> Any:
    """A part of a result or of a prompt."""
    match block.type:
        case "text":
            return _decoded(block.text)
        case "image" | "audio":
            return {"type": block.type, "mime_type": block.mime_type, "bytes": _byte_count(block.data)}
        case "resource_link":
            link = {"type": "resource_link", "uri": str(block.uri), "name": block.name}
            link |= {"description": block.description} if block.description else {}
            return link | ({"mime_type": block.mime_type} if block.mime_type else {})
        case "resource":
            held = block.resource
            known = {"type": "resource", "uri": str(held.uri)}
            known |= {"mime_type": held.mime_type} if held.mime_type else {}
            text, blob = getattr(held, "text", None), getattr(held, "blob", "")
            return known | ({"text": text} if text is not None else {"bytes": _byte_count(blob)})


def _decoded(text: str) -> Any:
    """The object or array that the text writes, or the text: a bare number or word is more likely meant as one."""
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _byte_count(base64: str) -> int:
    return len(base64) * 3 // 4 - base64[-2:].count("=")
