"""Server-sent events, however the stream is cut into pieces."""

from __future__ import annotations

import pytest

from agentfast.models.openai.http.sse import EventParser, read_events

STREAM = '\ufeff: hello\r\n\r\ndata: {"a":"é\u2028"}\r\n\r\nevent: x\ndata:one\ndata: two\n\nid: 3\n\ndata: end'.encode()
DATA = ['{"a":"é\u2028"}', "one\ntwo", "end"]


def test_data_lines_of_an_event_are_joined_and_all_else_is_skipped() -> None:
    assert read_events(STREAM) == DATA


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_may_end_anywhere(size: int) -> None:
    parser = EventParser()
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    found = [data for piece in pieces for data in parser.feed(piece)]
    assert [*found, *parser.end()] == DATA


def test_an_event_comes_as_soon_as_it_is_complete() -> None:
    parser = EventParser()
    assert list(parser.feed(b"data: 1\n")) == []
    assert list(parser.feed(b"\n")) == ["1"]
    assert list(parser.end()) == []
