"""The engine's logger: structlog's calls over the standard library's "agentfast" logger.

`import agentfast` configures nothing. Until the application configures `logging`, warnings and errors go to standard
error, as `logging.lastResort` does it; `logging.getLogger("agentfast").setLevel(...)` makes them fewer or more.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import structlog


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
            processors=[structlog.stdlib.filter_by_level, _to_logging],
            wrapper_class=structlog.stdlib.BoundLogger,
        )
        self.__dict__.update({method: getattr(logger, method) for method in _METHODS})
        return getattr(logger, attribute)


_METHODS = ("debug", "info", "warning", "error", "exception", "critical")


def _to_logging(
    logger: logging.Logger, method: str, event: structlog.typing.EventDict
) -> tuple[tuple[str], dict[str, Any]]:
    """Arguments of the logging call. An exception goes along as it is, for the handler to write it with its traceback."""
    import structlog

    exc_info = event.pop("exc_info", None)
    render = structlog.processors.KeyValueRenderer(key_order=["event"])
    return (str(render(logger, method, event)),), {"exc_info": exc_info}
