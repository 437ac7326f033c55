"""The engine's logger: structlog's calls over the standard library's "agentfast" logger.

Silent until the application configures `logging`; `import agentfast` configures nothing.
"""

from __future__ import annotations

import logging

import structlog

logging.getLogger("agentfast").addHandler(logging.NullHandler())


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger "agentfast.NAME" whose events read `event key=value ...`."""
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(f"agentfast.{name}"),
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    return logger
