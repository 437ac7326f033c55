"""A model behind an OpenAI-compatible chat completions server: vLLM, SGLang, llama.cpp, Ollama, a hosted one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import aclosing, contextmanager
from types import TracebackType
from typing import Any, Literal, Self

from agentfast.errors import ConfigError, ModelError, ModelUnavailableError
from agentfast.models.base import ModelEvent, ModelRequest, ModelResponse, PlainModel, TextChunk
from agentfast.models.guard import check_real_models_allowed
from agentfast.models.openai.assemble import Assembler
from agentfast.models.openai.client import JsonClient
from agentfast.models.openai.decode import decode_completion
from agentfast.models.openai.encode import CONFIDENCE, encode_chat
from agentfast.models.openai.endpoint import OPENAI, Endpoint
from agentfast.models.openai.json_text import dump_json
from agentfast.models.process_bound import ProcessBound

TokenLimitField = Literal["max_tokens", "max_completion_tokens"]


class OpenAIModel(ProcessBound, PlainModel):
    """Client of a chat completions server. Any number of runs share it, on any event loop.

    What the server writes is checked when it comes: a shape that holds no turn, or a call that the request ruled out, is
    a ModelError that says what came. Calls of unknown tools, and arguments that are not JSON or break their schema,
    become errors that the model reads, as every failing call does. A model's reasoning is not kept. An output grammar is
    not sent, as there is no common way to say it: the agent checks the answer and, if it does not match, asks again.

    Temperature, seed and token limit are sent if the user set them, and are the server's own otherwise.
    """

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 4,
        backoff_s: float = 0.5,
        strict: bool = False,
        field_confidence: bool = False,
        token_limit_field: TokenLimitField = "max_tokens",
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        """
        Args:
            model: as the server names it.
            base_url: up to and including the version, e.g. "http://localhost:8000/v1".
            api_key: None: the environment's OPENAI_API_KEY if there is one, else none is sent.
            timeout_s: for each try, from sending to the last byte; also the longest that a server may ask to wait.
            max_retries: tries after the first, when the server is busy, failing or not to be reached. A stream of which
                something came already is not tried again. Each retry is logged as a warning.
            backoff_s: before the first retry; it doubles with each, and a random part is added. A server that says how
                long to wait is obeyed, up to `timeout_s`.
            strict: ask the server to hold answers and calls to their schemas exactly. OpenAI's own then takes a subset
                of JSON Schema only, in which every property is required.
            field_confidence: ask for the log probabilities of typed answers and calls, and tell the confidence of their
                fields from them. For vLLM with agentfast's plugin; another server takes the request as its own kind allows.
            token_limit_field: how the server calls the limit of tokens; OpenAI's reasoning models take
                "max_completion_tokens" only.
            extra_body: added to every request's body, in place of fields of the same name; None leaves a field out.
            extra_headers: added to every request.

        Raises:
            ConfigError: a setting does not fit, there is no key for OpenAI's own server, or httpx is not installed.
        """
        if not isinstance(model, str) or not model:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"model is {model!r}; it is a name, as the server knows it")
        if token_limit_field not in ("max_tokens", "max_completion_tokens"):
            raise ConfigError(
                f"token_limit_field is {token_limit_field!r}; it is 'max_tokens' or 'max_completion_tokens'"
            )
        for option, given in (("extra_body", extra_body), ("extra_headers", extra_headers)):
            if given is not None and not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigError(f"{option} is a {type(given).__name__}; it is a mapping by name")
        key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "")
        self._endpoint = Endpoint(base_url, key, extra_headers or {})
        self._client = JsonClient(
            self._endpoint, timeout_s=timeout_s, max_retries=max_retries, backoff_s=backoff_s
        )
        dump_json(extra_body or {}, "extra_body")
        if api_key is None and not key.strip() and base_url == OPENAI and not extra_headers:
            raise ConfigError(
                f"there is no API key for {OPENAI}", hint="give api_key, set OPENAI_API_KEY, or give base_url"
            )
        self._model = model
        self._strict = strict
        self._field_confidence = field_confidence
        self._token_limit_field: TokenLimitField = token_limit_field
        self._extra_body = dict(extra_body or {})

    @property
    def name(self) -> str:
        return self._model

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn.

        Raises:
            ConfigError: the request holds what JSON cannot, e.g. an infinite number.
            ModelUnavailableError: the server was busy, failing or not to be reached, at every try, or asks to wait for
                longer than the timeout.
            ModelError: it refused the request, or answered what is not a turn. Both name the model and the URL.
        """
        with self._named():
            return decode_completion(await self._client.post(self._body(request)), request)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Generate the turn, showing its text as it comes. Raises as `respond`, and ModelUnavailableError if it breaks off.

        A server that answers in one piece all the same is understood.
        """
        body = {"stream": True, "stream_options": {"include_usage": True}}
        assembler = Assembler()
        with self._named():
            async with aclosing(self._client.stream(self._body(request, body))) as chunks:
                async for chunk in chunks:
                    if text := assembler.add(chunk):
                        yield TextChunk(text)
            yield decode_completion(assembler.body(), request)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._client.aclose()

    def _body(self, request: ModelRequest, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        check_real_models_allowed(self.name)
        body = encode_chat(request, strict=self._strict, token_limit_field=self._token_limit_field)
        if (
            self._field_confidence
            and request.confidence
            and (request.tools or request.output_schema is not None)
        ):
            body |= CONFIDENCE
        body |= {"model": self._model} | dict(more or {}) | self._extra_body
        return {name: value for name, value in body.items() if value is not None}

    @contextmanager
    def _named(self) -> Generator[None]:
        """Name the model and the URL in errors, the cause of a cancellation too, and keep keys out of them."""
        try:
            yield
        except ModelError as error:
            raise self._with_names(error) from error.__cause__
        except asyncio.CancelledError as cancelled:
            if isinstance(failure := cancelled.__cause__, ModelError):  # of the last try
                cancelled.__cause__ = self._with_names(failure)
            raise

    def _with_names(self, error: ModelError) -> ModelError:
        kind = ModelUnavailableError if isinstance(error, ModelUnavailableError) else ModelError
        message = self._endpoint.redacted(f"{self._model}: {self._endpoint.shown}: {error.message}")
        return kind(message, hint=error.hint)
