"""Results of MCP as values."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    EmbeddedResource,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from agentfast import ToolError
from agentfast.tools.mcp.results import result_value

IMAGE = ImageContent(data=b64encode(b"1234").decode(), mime_type="image/png")
DESCRIBED = {"type": "image", "mime_type": "image/png", "bytes": 4}


def text(said: str) -> TextContent:
    return TextContent(text=said)


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (CallToolResult(content=[text("hi")]), "hi"),
        (CallToolResult(content=[text('{"a": [1]}')]), {"a": [1]}),
        (CallToolResult(content=[text("[1, 2]")]), [1, 2]),
        (CallToolResult(content=[text("007")]), "007"),
        (CallToolResult(content=[text("[not JSON")]), "[not JSON"),
        (CallToolResult(content=[text("a"), text("b")]), ["a", "b"]),
        (CallToolResult(content=[]), None),
        (CallToolResult(content=[text('{"a":1}')], structured_content={"a": 1}), {"a": 1}),
        (
            CallToolResult(content=[text("x"), IMAGE], structured_content={"a": 1}),
            {"result": {"a": 1}, "parts": [DESCRIBED]},
        ),
        (CallToolResult(content=[IMAGE]), DESCRIBED),
        (
            CallToolResult(
                content=[ResourceLink(uri="a://b", name="b", description="d", mime_type="text/plain")]
            ),
            {
                "type": "resource_link",
                "uri": "a://b",
                "name": "b",
                "description": "d",
                "mime_type": "text/plain",
            },
        ),
        (
            CallToolResult(content=[EmbeddedResource(resource=TextResourceContents(uri="a://b", text="t"))]),
            {"type": "resource", "uri": "a://b", "text": "t"},
        ),
        (
            CallToolResult(
                content=[EmbeddedResource(resource=BlobResourceContents(uri="a://b", blob="MTIz"))]
            ),
            {"type": "resource", "uri": "a://b", "bytes": 3},
        ),
    ],
)
def test_a_result_is_a_value(result: CallToolResult, value: Any) -> None:
    assert result_value(result) == value


@pytest.mark.parametrize(
    ("content", "message"), [([text("a"), text("b")], "a\nb"), ([], "the tool failed, and did not say why")]
)
def test_an_error_is_raised_with_its_text(content: list[Any], message: str) -> None:
    with pytest.raises(ToolError) as caught:
        result_value(CallToolResult(content=content, is_error=True))
    assert str(caught.value) == message
