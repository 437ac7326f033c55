"""The time before a request is sent again: the server's word, or exponential backoff."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_BACKOFF_S = 60.0


def asked_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: by its header in milliseconds, or by Retry-After; None: it does not ask."""
    in_ms = retry_after(headers.get("retry-after-ms"))
    return retry_after(headers.get("retry-after")) if in_ms is None else in_ms / 1000


def retry_after(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds to wait by a Retry-After header, which gives them or a date; None: it says nothing that can be read."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            date = parsedate_to_datetime(header)
        except ValueError:
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
        return max(0.0, seconds)
    return seconds if 0 <= seconds < math.inf else None


def backoff(attempt: int, first_s: float) -> float:
    """Exponential backoff with jitter, in seconds: clients that were refused together do not return together."""
    return min(LONGEST_BACKOFF_S, first_s * 2.0**attempt * (1 + random.random()))
