"""The engine as a model: conversations in, constrained generation, messages out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from agentfast.chat.base import ChatFormat, Segment, TurnRules
from agentfast.chat.json import JsonChat
from agentfast.errors import ConfigError, ModelError
from agentfast.messages import AssistantMessage, Message, Transcript, assistant_turns
from agentfast.models.base import CanvasState, ModelEvent, ModelRequest, ModelResponse, ModelUsage
from agentfast.runtime.engine import Engine
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.model.loader import load_checkpoint
from agentfast.runtime.request import CanvasUpdate, Completion, Request
from agentfast.runtime.settings import EngineConfig
from agentfast.runtime.tokenizer import Tokenizer

_KEPT_GRAMMARS = 256


class LocalModel:
    """Generates on an engine. Every tool call and every typed answer matches its schema.

    A conversation's tokens are kept in its Transcript, and what the model wrote stands there token by token as it
    was written: the next step renders the new messages only, and the engine finds the rest in its cache.
    """

    def __init__(
        self, engine: Engine, chat: ChatFormat, *, name: str = "local", max_turn_tokens: int | None = None
    ) -> None:
        """Join an engine and the format its model was taught.

        Args:
            engine: shared; closing it is its owner's business, or `aclose`'s.
            chat: how messages are written.
            name: for logs and traces.
            max_turn_tokens: a ceiling on each request's `max_tokens`, for a model of short context.
        """
        self.engine = engine
        self.chat = chat
        self._name = name
        self._max_turn_tokens = max_turn_tokens
        self._tokenizer: Tokenizer = engine.tokenizer
        self._special_names = {index: text for text, index in self._tokenizer.vocabulary.special.items()}
        self._grammars: OrderedDict[tuple[object, ...], tuple[TurnRules, Grammar]] = OrderedDict()

    @classmethod
    def from_checkpoint(
        cls,
        path: str | Path,
        *,
        chat: ChatFormat | None = None,
        config: EngineConfig | None = None,
        device: str = "cpu",
        dtype: str = "float32",
        name: str | None = None,
    ) -> Self:
        """Load a Hugging Face checkpoint directory onto an engine of its own.

        Args:
            path: the directory; nothing is downloaded.
            chat: None: the JSON format.
            config: None: the checkpoint's own way to be decoded, and the engine's defaults.
            device: where torch puts the weights, e.g. "cuda".
            dtype: torch's name of their type, e.g. "bfloat16".
            name: for logs and traces; None: the directory's.

        Raises:
            CheckpointError: see `load_checkpoint`.
            ConfigError: no such dtype.
        """
        if not isinstance(torch_dtype := getattr(torch, dtype, None), torch.dtype):
            raise ConfigError(f"torch has no dtype {dtype!r}")
        checkpoint = load_checkpoint(path, dtype=torch_dtype, device=device)
        config = config or EngineConfig(generation=checkpoint.generation)
        engine = Engine(checkpoint.model, checkpoint.tokenizer, config)
        return cls(engine, chat or JsonChat(), name=name or Path(path).name)

    @property
    def name(self) -> str:
        return self._name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn.

        Raises:
            UnsupportedSchemaError, BudgetTooSmallError: before anything is generated.
            EngineError: the engine could not serve the request.
        """
        prepared, rendered = self._prepare(request)
        return self._finish(await self.engine.submit(prepared), request, rendered)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Generate the turn, showing the canvas after each denoising step. Raises as `respond`."""
        prepared, rendered = self._prepare(request)
        async for update in self.engine.stream(prepared):
            if isinstance(update, CanvasUpdate):
                yield self._canvas_state(update)
            else:
                yield self._finish(update, request, rendered)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the engine."""
        await self.engine.aclose()

    def _prepare(self, request: ModelRequest) -> tuple[Request, _Rendered]:
        rendered = self._render(request)
        max_tokens = request.max_tokens
        if self._max_turn_tokens is not None:
            max_tokens = min(max_tokens, self._max_turn_tokens)
        rendered.opening = self._encode(self.chat.open_turn(request.messages))
        return (
            Request(
                prompt=(*rendered.ids, *rendered.opening),
                max_tokens=max_tokens,
                grammar=self._grammar(request),
                seed=request.seed,
                temperature=request.temperature,
                priority=request.priority,
                program=request.program,
            ),
            rendered,
        )

    def _render(self, request: ModelRequest) -> _Rendered:
        """The conversation's tokens; those of a Transcript are kept with it."""
        messages = request.messages
        memo = messages.memo if isinstance(messages, Transcript) else {}
        rendered: _Rendered | None = memo.get(self)
        if rendered is None or not rendered.is_for(request):
            rendered = memo[self] = _Rendered(request.tools, request.output_schema)
        self._append_spoken(rendered, messages)
        if rendered.count < len(messages):
            segments = self.chat.render(messages, rendered.count, request.tools, request.output_schema)
            rendered.ids.extend(self._encode(segments))
            rendered.count = len(messages)
        return rendered

    def _append_spoken(self, rendered: _Rendered, messages: Sequence[Message]) -> None:
        """The model's last turn as the tokens it wrote, which rendering its message anew might not give."""
        if rendered.spoken is None:
            return
        message, tokens = rendered.spoken
        rendered.spoken = None
        if rendered.count < len(messages) and messages[rendered.count] is message:
            rendered.ids.extend(rendered.opening)
            rendered.ids.extend(tokens)
            rendered.ids.extend(self._encode(self.chat.close_turn(message)))
            rendered.count += 1

    def _finish(self, completion: Completion, request: ModelRequest, rendered: _Rendered) -> ModelResponse:
        message = self.chat.parse(list(self._segments(completion.tokens)))
        turn = assistant_turns(request.messages)
        calls = tuple(replace(call, id=f"call_{turn}_{index}") for index, call in enumerate(message.calls))
        message = AssistantMessage(message.text, calls)
        rendered.spoken = message, completion.tokens
        usage = completion.usage
        return ModelResponse(
            message,
            ModelUsage(
                prompt_tokens=usage.prompt_tokens,
                cached_tokens=usage.cached_tokens,
                generated_tokens=usage.generated_tokens,
                canvases=usage.canvases,
                denoising_steps=usage.steps,
            ),
            completion.finish_reason,
        )

    def _grammar(self, request: ModelRequest) -> Grammar:
        """The turn's grammar. Kept by the identity of tools and schema, which an agent's requests share."""
        key = (id(request.tools), id(request.output_schema), request.tool_choice, request.max_calls)
        if key in self._grammars:
            self._grammars.move_to_end(key)
            return self._grammars[key][1]
        # The rules are kept beside the grammar, so that the ids in the key stay those of living objects.
        rules = TurnRules(request.tools, request.output_schema, request.tool_choice, request.max_calls)
        grammar = self.chat.grammar(rules)
        self._grammars[key] = rules, grammar
        if len(self._grammars) > _KEPT_GRAMMARS:
            self._grammars.popitem(last=False)
        return grammar

    def _encode(self, segments: Iterable[Segment]) -> list[int]:
        ids: list[int] = []
        for is_special, text in segments:
            if is_special:
                ids.append(self._tokenizer.special(text))
            else:
                ids.extend(self._tokenizer.encode(text))
        return ids

    def _segments(self, tokens: Sequence[int]) -> Iterable[Segment]:
        """The inverse of `_encode`: neighbouring text tokens are one segment."""
        text: list[int] = []
        for token in tokens:
            name = self._special_names.get(token)
            if name is None:
                text.append(token)
                continue
            if text:
                yield False, self._decode(text)
                text = []
            yield True, name
        if text:
            yield False, self._decode(text)

    def _decode(self, tokens: Sequence[int]) -> str:
        try:
            return self._tokenizer.decode_bytes(tokens).decode()
        except UnicodeDecodeError as error:
            raise ModelError("the model wrote bytes that are not UTF-8") from error

    def _canvas_state(self, update: CanvasUpdate) -> CanvasState:
        pieces = tuple(self._tokenizer.decode([token], skip_special=False) for token in update.tokens)
        return CanvasState(update.index, update.step, pieces, update.accepted, update.committed)


@dataclass(slots=True)
class _Rendered:
    """Tokens of the first `count` messages of a conversation, under one set of declarations.

    `opening` are the tokens before the model's last turn, `spoken` is that turn and the tokens the model wrote, until
    the turn stands among the messages.
    """

    tools: tuple[object, ...]
    output_schema: Mapping[str, Any] | None
    ids: list[int] = field(default_factory=list[int])
    count: int = 0
    opening: list[int] = field(default_factory=list[int])
    spoken: tuple[AssistantMessage, tuple[int, ...]] | None = None

    def is_for(self, request: ModelRequest) -> bool:
        """Whether the declarations are those of the request."""
        return self.tools is request.tools and self.output_schema is request.output_schema
