"""The JSON values of an HTTP answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agentfast.errors import ModelError
from agentfast.models.openai.assemble import assemble
from agentfast.models.openai.complaints import check_error, check_status, not_json
from agentfast.models.openai.json_text import parse_json
from agentfast.models.openai.sse import DONE, read_events

if TYPE_CHECKING:
    import httpx

_EVENTS = "text/event-stream"


def is_event_stream(response: httpx.Response) -> bool:
    """True if the answer says that it is a stream of events."""
    kind: str = response.headers.get("content-type", "")
    return kind.lower().startswith(_EVENTS)


def read_body(response: httpx.Response) -> Any:
    """The JSON value of an answer, or of the events that a server sends unasked.

    Raises:
        BusyError, ModelError: the answer is an error, or not JSON.
    """
    text = read_text(response)
    check_status(response.status_code, response.headers, text)
    if is_event_stream(response) or text.startswith(("data:", "event:", ": ")):
        return assemble([read_event(data) for data in read_events(response.content)])
    try:
        value = parse_json(text)
    except ValueError as error:
        raise ModelError(
            f"the server's answer is not JSON but {not_json(text)}: {error}",
            hint="check base_url, which usually ends in /v1",
        ) from error
    check_error(value)
    return value


def read_event(data: str) -> Any:
    """The JSON value of an event's data, or DONE.

    Raises:
        ModelError: it is not JSON, or an error.
    """
    if data == DONE:
        return data
    try:
        value = parse_json(data, mend=False)
    except ValueError as error:
        raise ModelError(f"an event of the server is not JSON: {data!r:.300}") from error
    check_error(value)
    return value


def read_text(response: httpx.Response) -> str:
    """The text of an answer; JSON is UTF-8, whatever the header says."""
    return response.content.decode("utf-8-sig", "replace")
