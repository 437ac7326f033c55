"""Failures of a connection as errors that say what to do."""

from __future__ import annotations

import socket
import ssl
from typing import cast

from agentfast.errors import ModelError
from agentfast.models.openai.complaints import BusyError

_UNREADABLE = frozenset({"DecodingError", "TooManyRedirects", "UnsupportedProtocol", "LocalProtocolError"})


def transport_error(error: Exception, prefix: str = "") -> ModelError:
    """The error of ours for an error of httpx: BusyError if another try may help.

    Args:
        error: what httpx raised.
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
