"""The time before a request is sent again."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agentfast.models.openai.http.retries import LONGEST_BACKOFF_S, backoff, retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2.5", 2.5),
        ("0", 0),
        ("3600", 3600),
        ("Thu, 01 Jan 2026 00:00:07 GMT", 7),
        ("Thu, 01 Jan 2026 00:00:07 -0000", 7),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nothing_else(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, NOW) == seconds


def test_the_backoff_doubles_up_to_a_limit() -> None:
    waits = [backoff(attempt, 0.5) for attempt in range(20)]
    assert all(0.5 * 2**attempt <= wait <= 2**attempt for attempt, wait in enumerate(waits[:6]))
    assert waits[-1] == LONGEST_BACKOFF_S
