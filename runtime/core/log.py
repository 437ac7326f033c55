"""The engine's logger: structlog's calls over the standard library's "agentfast" logger.

Silent until the application configures `logging`; `import agentfast` configures nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import structlog

logging.getLogger("agentfast").addHandler(logging.NullHandler())


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger "agentfast.NAME" whose events read `event key=value ...`."""
    return cast("structlog.stdlib.BoundLogger", _LazyLogger(name))


class _LazyLogger:
    """Imports structlog, which imports a good deal, with the first event."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        import structlog

        logger = structlog.wrap_logger(
            logging.getLogger(f"agentfast.{self._name}"),
            processors=[
                structlog.stdlib.filter_by_level,
                structlog.processors.format_exc_info,
                structlog.processors.KeyValueRenderer(key_order=["event"]),
            ],
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        self.__dict__.update({method: getattr(logger, method) for method in _METHODS})
        return getattr(logger, attribute)


_METHODS = ("debug", "info", "warning", "error", "exception", "critical")
