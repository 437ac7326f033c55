"""Failures of a connection as errors that say what to do."""

from __future__ import annotations

import socket
import ssl
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from agentfast.errors import ModelError
from agentfast.models.openai.http.body import read_text
from agentfast.models.openai.http.complaints import BusyError, check_status

if TYPE_CHECKING:
    import openai

_UNREADABLE = frozenset({"DecodingError", "TooManyRedirects", "UnsupportedProtocol", "LocalProtocolError"})


@contextmanager
def reaching(timeout_s: float, prefix: str = "") -> Generator[None]:
    """Turn timeouts, refusals and failures of the connection into typed errors.

    Args:
        timeout_s: said to be over where one is, in seconds.
        prefix: said before the reason.
    """
    try:
        yield
    except TimeoutError as error:
        raise _late(timeout_s, prefix) from error
    except Exception as error:
        ours = _error(error, timeout_s, prefix)
        if ours is error:
            raise
        # What the package makes of a refusal repeats the server's words, which may hold the key.
        raise ours from (None if hasattr(error, "status_code") else error)


def _error(error: Exception, timeout_s: float, prefix: str) -> Exception:
    """The error of ours for one of the package `openai` or of its HTTP library; another exception is given back."""
    import openai

    match error:
        case openai.APITimeoutError():
            return _late(timeout_s, prefix)
        case openai.APIConnectionError():
            return transport_error(
                error.__cause__ if isinstance(error.__cause__, Exception) else error, prefix
            )
        case openai.APIStatusError():
            return _status_error(error)
        case openai.OpenAIError():
            return ModelError(f"{prefix}{type(error).__name__}: {error}")
        case _ if isinstance(error, _of_http("TimeoutException")):
            return _late(timeout_s, prefix)
        case _ if isinstance(error, _of_http("HTTPError", "StreamError")):
            return transport_error(error, prefix)
        case _:
            return error


def _of_http(*names: str) -> tuple[type[Exception], ...]:
    """Exceptions of the HTTP library: that of the package, or the older one that a client of the user's may be made on."""
    modules: list[Any] = [sys.modules[name] for name in ("httpx2", "httpx") if name in sys.modules]
    return tuple(getattr(module, name) for module in modules for name in names)


def _status_error(error: openai.APIStatusError) -> ModelError:
    response = error.response
    try:
        check_status(response.status_code, response.headers, read_text(response))
    except ModelError as refusal:
        return refusal
    return ModelError(str(error))


def _late(timeout_s: float, prefix: str) -> BusyError:
    return BusyError(f"{prefix}no answer within {timeout_s:g} s", hint="raise timeout_s")


def transport_error(error: Exception, prefix: str = "") -> ModelError:
    """The error of ours for an error of the HTTP library: BusyError if another try may help.

    Args:
        error: what the library raised.
        prefix: said before the reason.
    """
    kind = type(error).__name__
    reason = f"{prefix}{kind}: {error}".removesuffix(": ")
    cause = _root(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        hint = "the server's certificate is not trusted: set SSL_CERT_FILE to its authority's certificate"
        return ModelError(f"{reason}: {cause.verify_message}", hint=hint)
    if isinstance(cause, ssl.SSLError) and kind == "ConnectError":
        return ModelError(
            reason, hint="the server may not speak TLS: try a base_url that begins with http://"
        )
    if kind in _UNREADABLE:
        return ModelError(reason, hint="check base_url")
    if isinstance(cause, socket.gaierror):
        return BusyError(f"{reason}: the host has no address", hint="check the host in base_url")
    if isinstance(cause, ConnectionRefusedError):
        return BusyError(
            f"{reason}: connection refused", hint="is the server running? check host and port in base_url"
        )
    return BusyError(reason, hint="check base_url and the network" if kind == "ConnectError" else None)


def _root(error: BaseException) -> BaseException:
    """The operating system's error behind the layers of the HTTP libraries, or the innermost one."""
    layers = [error]
    for layer in layers:  # grows
        if isinstance(layer, OSError) and layer.errno is not None:
            return layer
        members = (
            cast("BaseExceptionGroup[BaseException]", layer).exceptions
            if isinstance(layer, BaseExceptionGroup)
            else ()
        )
        layers += [
            inner
            for inner in (*members, layer.__cause__, layer.__context__)
            if inner is not None and inner not in layers
        ]
    return layers[-1]
