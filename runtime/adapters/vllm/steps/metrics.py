"""Time that constrained rows take per step, logged at intervals."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from agentfast.runtime.core.log import get_logger

INTERVAL: Final = 10.0
"""Seconds between two lines in the log while there are constrained rows."""

_log = get_logger("vllm")


class StepMetrics:
    """Rows that took a step under a grammar, and the seconds that this took.

    Attributes:
        rows, seconds: since the process began.
        failed: rows that ended with an error.
    """

    def __init__(self, say: Callable[[str], None] | None = None, *, interval: float = INTERVAL) -> None:
        """
        Args:
            say: writes a line to the server's log.
            interval: seconds between two lines.
        """
        self.rows = self.failed = 0
        self.seconds = 0.0
        self.say = say
        self._interval = interval
        self._logged_rows, self._logged_seconds, self._logged_at = 0, 0.0, perf_counter()

    @property
    def milliseconds_per_row_step(self) -> float:
        """Mean time of one row's step; 0 before the first."""
        return 1000 * self.seconds / self.rows if self.rows else 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Count a step of some rows."""
        self.rows += rows
        self.seconds += seconds
        if rows and perf_counter() - self._logged_at >= self._interval:
            self._log()

    def _log(self) -> None:
        rows, seconds = self.rows - self._logged_rows, self.seconds - self._logged_seconds
        mean = round(1000 * seconds / rows, 3)
        _log.debug("constrained steps", rows=rows, ms_per_row_step=mean, failed=self.failed)
        if self.say is not None:
            self.say(
                f"agentfast: {rows} steps of constrained rows, {mean} ms each; {self.failed} rows failed so far"
            )
        self._logged_rows, self._logged_seconds, self._logged_at = self.rows, self.seconds, perf_counter()


STEPS: Final = StepMetrics()
"""The process's."""
