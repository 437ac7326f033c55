"""The JSON values of an HTTP answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from agentfast.errors import ModelError
from agentfast.models.openai.http.complaints import check_error, not_json
from agentfast.models.openai.http.sse import DONE, read_events
from agentfast.models.openai.json_text import parse_json

if TYPE_CHECKING:
    import httpx2

_EVENTS = "text/event-stream"


def is_event_stream(response: httpx2.Response) -> bool:
    """True if the answer says that it is a stream of events."""
    kind: str = response.headers.get("content-type", "")
    return kind.lower().startswith(_EVENTS)


def read_body(response: httpx2.Response, assemble: Callable[[Sequence[Any]], Any]) -> Any:
    """The JSON value of an answer, or what `assemble` makes of the events that a server sends unasked.

    Raises:
        BusyError, ModelError: the answer is an error, or not JSON.
    """
    text = read_text(response)
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


def read_text(response: httpx2.Response) -> str:
    """The text of an answer; JSON is UTF-8, whatever the header says."""
    return response.content.decode("utf-8-sig", "replace")
