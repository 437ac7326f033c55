"""The logger: events as one line of the standard library's logging, exceptions with their traceback."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from agentfast.runtime.core.log import get_logger
from tests.support.source_tree import ROOT


def test_an_event_is_one_line_and_an_exception_goes_along_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    logger = get_logger("engine")
    with caplog.at_level(logging.INFO, logger="agentfast"):
        try:
            raise ValueError("100%s")
        except ValueError:
            logger.exception("step failed", row=3)
        logger.debug("not asked for")
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("agentfast.engine", logging.ERROR)
    assert record.getMessage() == "event='step failed' row=3"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ValueError)


def test_warnings_are_seen_without_any_configuration() -> None:
    script = (
        "from agentfast.runtime.core.log import get_logger\n"
        "logger = get_logger('engine')\n"
        "logger.warning('request failed', row=3); logger.info('quiet')"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stderr == "event='request failed' row=3\n"
