"""A model behind an OpenAI-compatible server, by the official package: vLLM, SGLang, llama.cpp, Ollama, a hosted one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import aclosing, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from agentfast.errors import ConfigError, ModelError, ModelUnavailableError
from agentfast.models.base import ModelEvent, ModelRequest, ModelResponse, PlainModel, TextChunk
from agentfast.models.guard import check_real_models_allowed
from agentfast.models.openai.apis import APIS, ApiName
from agentfast.models.openai.chat.encode import CONFIDENCE
from agentfast.models.openai.http.client import JsonClient
from agentfast.models.openai.http.endpoint import OPENAI, Endpoint
from agentfast.models.openai.http.given import endpoint_of
from agentfast.models.openai.json_text import dump_json
from agentfast.models.price import Price, check_price, priced
from agentfast.models.process_bound import ProcessBound
from agentfast.tools.checks import check_choice

if TYPE_CHECKING:
    from openai import AsyncOpenAI

TokenLimitField = Literal["max_tokens", "max_completion_tokens"]


class OpenAIModel(ProcessBound, PlainModel):
    """Client of a server that speaks the chat completions or the responses API. Any number of runs share it, on any loop.

    What the server writes is checked when it comes: a shape that holds no turn, or a call that the request ruled out, is
    a ModelError that says what came. Calls of unknown tools, and arguments that are not JSON or break their schema,
    become errors that the model reads, as every failing call does. A model's reasoning is not kept. An output grammar is
    not sent, as there is no common way to say it: the agent checks the answer and, if it does not match, asks again.

    Temperature, seed and token limit are sent if the user set them, and are the server's own otherwise. The responses API
    has no seed; it is asked to store nothing.

    Attributes:
        price: of its tokens; None: its turns have no cost.
    """

    price: Price | None

    def __init__(
        self,
        model: str,
        *,
        base_url: str = OPENAI,
        api_key: str | None = None,
        api: ApiName = "chat",
        client: AsyncOpenAI | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 4,
        backoff_s: float = 0.5,
        strict: bool = False,
        field_confidence: bool = False,
        token_limit_field: TokenLimitField = "max_tokens",
        extra_body: Mapping[str, Any] | None = None,
        extra_headers: Mapping[str, str] | None = None,
        price: Price | None = None,
    ) -> None:
        """
        Args:
            model: as the server names it.
            base_url: up to and including the version, e.g. "http://localhost:8000/v1".
            api_key: None: the environment's OPENAI_API_KEY if there is one, else none is sent.
            api: "chat": chat completions, which most servers have; "responses": the responses API.
            client: a client of your own in place of `base_url` and `api_key`, such as `openai.AsyncAzureOpenAI`. Whoever
                made it closes it. It belongs to one event loop. Its retries do not count, `max_retries` does.
            timeout_s: for each try, from sending to the last byte; also the longest that a server may ask to wait.
            max_retries: tries after the first, when the server is busy, failing or not to be reached. A stream of which
                something came already is not tried again. Each retry is logged as a warning. None is begun that the
                run's deadline leaves no time for.
            backoff_s: before the first retry; it doubles with each, and a random part is added. A server that says how
                long to wait is obeyed, up to `timeout_s` and within the run's time.
            strict: ask the server to hold answers and calls to their schemas exactly. OpenAI's own then takes a subset
                of JSON Schema only, in which every property is required.
            field_confidence: ask for the log probabilities of typed answers and calls, and tell the confidence of their
                fields from them. For vLLM with agentfast's plugin; another server takes the request as its own kind
                allows. By chat completions only.
            token_limit_field: how chat completions servers call the limit of tokens; OpenAI's reasoning models take
                "max_completion_tokens" only.
            extra_body: added to every request's body, in place of fields of the same name; None leaves a field out.
            extra_headers: added to every request.
            price: of its tokens; each turn then has a cost.

        Raises:
            ConfigError: a setting does not fit, there is no key for OpenAI's own server, or the package `openai` is not
                installed.
        """
        if not isinstance(model, str) or not model:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"model is {model!r}; it is a name, as the server knows it")
        check_choice("api", api, APIS)
        check_choice("token_limit_field", token_limit_field, ("max_tokens", "max_completion_tokens"))
        check_price(price)
        if api == "responses" and (field_confidence or token_limit_field != "max_tokens"):
            option = "field_confidence" if field_confidence else "token_limit_field"
            raise ConfigError(f"{option} is for api='chat' only", hint="leave it out, or give api='chat'")
        for option, given in (("extra_body", extra_body), ("extra_headers", extra_headers)):
            if given is not None and not isinstance(given, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ConfigError(f"{option} is a {type(given).__name__}; it is a mapping by name")
        self._api = APIS[api]
        if client is None:
            key = api_key if api_key is not None else os.environ.get("OPENAI_API_KEY", "")
            self._endpoint = Endpoint(base_url, key, extra_headers or {}, self._api.path)
        else:
            if base_url != OPENAI or api_key is not None:
                raise ConfigError(
                    "client has an address and a key of its own: leave out base_url and api_key"
                )
            key = ""
            self._endpoint = endpoint_of(client, extra_headers or {}, self._api.path)
        self._client = JsonClient(
            self._endpoint,
            client,
            assemble=self._api.assemble,
            timeout_s=timeout_s,
            max_retries=max_retries,
            backoff_s=backoff_s,
        )
        dump_json(extra_body or {}, "extra_body")
        if (
            client is None
            and api_key is None
            and not key.strip()
            and base_url == OPENAI
            and not extra_headers
        ):
            raise ConfigError(
                f"there is no API key for {OPENAI}", hint="give api_key, set OPENAI_API_KEY, or give base_url"
            )
        self._model = model
        self._strict = strict
        self._field_confidence = field_confidence
        self._token_limit_field: TokenLimitField = token_limit_field
        self._extra_body = dict(extra_body or {})
        self.price = price

    @property
    def name(self) -> str:
        return self._model

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn.

        Raises:
            ConfigError: the request holds what JSON cannot, e.g. an infinite number.
            ModelUnavailableError: the server was busy, failing or not to be reached, at every try, or asks to wait for
                longer than the timeout or the run's time.
            ModelError: it refused the request, or answered what is not a turn. Both name the model and the URL.
        """
        with self._named():
            answer = await self._client.post(self._body(request), request.ends_at)
            return priced(self._api.decode(answer, request), self.price)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Generate the turn, showing its text as it comes. Raises as `respond`, and ModelUnavailableError if it breaks off.

        A server that answers in one piece all the same is understood.
        """
        assembler = self._api.assembler()
        with self._named():
            body = self._body(request, self._api.streaming)
            async with aclosing(self._client.stream(body, request.ends_at)) as chunks:
                async for chunk in chunks:
                    if text := assembler.add(chunk):
                        yield TextChunk(text)
            yield priced(self._api.decode(assembler.body(), request), self.price)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop; without it, they close when the loop ends."""
        await self._client.aclose()

    def _body(self, request: ModelRequest, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        check_real_models_allowed(self.name)
        body = self._api.encode(request, strict=self._strict, token_limit_field=self._token_limit_field)
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
