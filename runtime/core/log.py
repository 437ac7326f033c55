"""The engine's logger: structlog's calls over the standard library's "agentfast" logger.

`import agentfast` configures nothing. Until the application configures `logging`, warnings and errors go to standard
error, as `logging.lastResort` does it; `logging.getLogger("agentfast").setLevel(...)` makes them fewer or more.
"""

from __future__ import annotations

import logging
from typing import Any

import structlog

_render = structlog.processors.KeyValueRenderer(key_order=["event"])


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger "agentfast.NAME" whose events read `event key=value ...`."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(f"agentfast.{name}"),
        processors=[structlog.stdlib.filter_by_level, _to_logging],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger


def _to_logging(
    logger: logging.Logger, method: str, event: structlog.typing.EventDict
) -> tuple[tuple[str], dict[str, Any]]:
    """Arguments of the logging call. An exception goes along as it is, for the handler to write it with its traceback."""
    exc_info = event.pop("exc_info", None)
    return (str(_render(logger, method, event)),), {"exc_info": exc_info}
