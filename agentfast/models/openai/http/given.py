"""Clients of the `openai` package that users made themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from agentfast.models.openai.http.connections import check_installed
from agentfast.models.openai.http.endpoint import Endpoint
from agentfast.tools.checks import refuse

if TYPE_CHECKING:
    from openai import AsyncOpenAI


def endpoint_of(client: AsyncOpenAI, extra_headers: Mapping[str, str], path: str) -> Endpoint:
    """The endpoint of a user's client, of which errors speak. Its key and its headers are the client's own affair.

    Raises:
        ConfigError: it is no such client, the package is not installed, or an extra header cannot be sent.
    """
    check_installed()
    import openai  # whoever has a client has imported it

    if not isinstance(client, openai.AsyncOpenAI):  # pyright: ignore[reportUnnecessaryIsInstance]
        hint = "runs are asynchronous: make an AsyncOpenAI" if isinstance(client, openai.OpenAI) else None
        refuse("client", type(client).__name__, "an openai.AsyncOpenAI, or None", hint=hint)
    return Endpoint(str(client.base_url), "", extra_headers, path, secrets=(client.api_key,))
