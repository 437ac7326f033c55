"""A model behind an OpenAI-compatible chat completions server: vLLM, SGLang, llama.cpp, Ollama, a hosted one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal, Self

from agentfast.errors import ModelError
from agentfast.models.base import ModelRequest, ModelResponse, PlainModel
from agentfast.models.openai.codec import decode_completion, encode_chat
from agentfast.models.openai.http import JsonClient

TokenLimitField = Literal["max_tokens", "max_completion_tokens"]


class OpenAIModel(PlainModel):
    """Client of a chat completions server. Any number of runs share it, on any event loop.

    What the server writes is checked when it comes: calls that are not JSON objects, or that the request ruled out,
    are a ModelError. Whether arguments match a tool's schema is the server's promise if it makes one; a call that breaks
    it becomes an error that the model reads, as every failing call does. An output grammar is not sent, as there is no
    common way to say it: the agent checks the answer and, if it does not match, asks again.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "https://api.openai.com/v1",
        api_key: str | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 4,
        backoff_s: float = 0.5,
        strict: bool = False,
        token_limit_field: TokenLimitField = "max_tokens",
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Args:
            model: as the server names it.
            base_url: up to and including the version, e.g. "http://localhost:8000/v1".
            api_key: None: the environment's OPENAI_API_KEY if there is one, else none is sent.
            timeout_s: for each try, from sending to the last byte.
            max_retries: tries after the first, when the server is busy, failing or not to be reached.
            backoff_s: before the first retry; it doubles with each, and a random part is added. A server that says how
                long to wait is obeyed.
            strict: ask the server to hold answers and calls to their schemas exactly. OpenAI's own then takes a subset
                of JSON Schema only, in which every property is required.
            token_limit_field: how the server calls the limit of tokens.
            extra: added to every request's body.

        Raises:
            ConfigError: a setting does not fit, or httpx is not installed.
        """
        key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = JsonClient(
            base_url, headers=headers, timeout_s=timeout_s, max_retries=max_retries, backoff_s=backoff_s
        )
        self._model = model
        self._strict = strict
        self._token_limit_field = token_limit_field
        self._extra = dict(extra or {})

    @property
    def name(self) -> str:
        return self._model

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn.

        Raises:
            ModelUnavailableError: the server was busy, failing or not to be reached, at every try.
            ModelError: it refused the request, or answered what is not a turn.
        """
        body = encode_chat(request, strict=self._strict)
        body |= {"model": self._model, self._token_limit_field: request.max_tokens} | self._extra
        try:
            return decode_completion(await self._client.post("/chat/completions", body), request)
        except ModelError as error:
            raise type(error)(f"{self._model}: {error.message}", hint=error.hint) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._client.aclose()
