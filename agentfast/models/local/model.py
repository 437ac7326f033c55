"""The engine as a model: conversations in, constrained generation, messages out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

from agentfast.chat.base import ChatFormat, FieldFormat, TurnRules
from agentfast.chat.choose import chat_format_of
from agentfast.errors import ConfigError, GrammarTooLargeError
from agentfast.messages import AssistantMessage, Message, Transcript
from agentfast.models.base import (
    CanvasState,
    ModelEvent,
    ModelRequest,
    ModelResponse,
    ModelUsage,
    SettledCalls,
)
from agentfast.models.guard import check_real_models_allowed
from agentfast.models.local.field_confidence import confidences
from agentfast.models.local.grammar_costs import with_costs
from agentfast.models.local.rendering import Rendering, SegmentCodec
from agentfast.models.local.settled_calls import TurnDraft
from agentfast.models.local.turn_grammars import TurnGrammars
from agentfast.models.process_bound import ProcessBound
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.grammar.schema.notes import warn_of_empty_objects
from agentfast.runtime.model.checkpoint.load import load_checkpoint
from agentfast.runtime.scheduling.request import CanvasUpdate, Completion, Request
from agentfast.tools.confidence import Confidence

DEFAULT_TURN_TOKENS = 512  # of a request that does not say


class LocalModel(ProcessBound):
    """Generates on an engine. Every tool call and every typed answer matches its schema.

    A conversation's tokens are kept in its Transcript, and what the model wrote stands there token by token as it
    was written: the next step renders the new messages only, and the engine finds the rest in its cache.

    Attributes:
        doubt: an `agentfast.Doubt`, which agents of this model take unless they say otherwise; None: none.
        settles_calls: its stream tells of calls as they settle in the draft; see `ModelRequest.settled_calls`.
    """

    doubt: object = None
    settles_calls = True

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
        self._codec = SegmentCodec(engine.tokenizer)
        self._turns = TurnGrammars(chat)

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
            chat: None: the one that the tokenizer's special tokens tell of: Gemma 4's, or the JSON format.
            config: None: the checkpoint's own way to be decoded, and the engine's defaults.
            device: where torch puts the weights, e.g. "cuda".
            dtype: torch's name of their type, e.g. "bfloat16".
            name: for logs and traces; None: the directory's.

        Raises:
            CheckpointError: see `load_checkpoint`.
            ConfigError: no such dtype, or no `chat` is given and the special tokens are of no known format.
        """
        if not isinstance(torch_dtype := getattr(torch, str(dtype), None), torch.dtype):
            raise ConfigError(f"torch has no dtype {dtype!r}; it is a name, e.g. 'bfloat16'")
        checkpoint = load_checkpoint(path, dtype=torch_dtype, device=device)
        config = config or EngineConfig(generation=checkpoint.generation)
        engine = Engine(checkpoint.model, checkpoint.tokenizer, config)
        chat = chat or chat_format_of(path, checkpoint.tokenizer.vocabulary.special)
        return cls(engine, chat, name=name or Path(path).name)

    @property
    def name(self) -> str:
        return self._name

    def check(self, rules: TurnRules, unenforced: Sequence[str] = ()) -> None:
        """Build the turn's grammar, which the first request then finds, and log parts that may surprise.

        Raises:
            ConfigError: a tool or output type has a check that its schema does not state, or no value meets a schema.
            UnsupportedSchemaError: a schema cannot be enforced; says whose and where.
        """
        if unenforced:
            raise ConfigError(f"model {self.name!r} is held to its schemas, but {unenforced[0]}")
        self._turns.build(rules)
        for tool in rules.tools:
            warn_of_empty_objects(f"tool {tool.name!r}", tool.parameters, at_root=False)
        if rules.output_schema is not None:
            warn_of_empty_objects("the output type", rules.output_schema)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model reads it, without the declarations of tools. Exact."""
        return len(self._codec.encode(self.chat.render(messages, 0, (), None)))

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn.

        Raises:
            UnsupportedSchemaError, BudgetTooSmallError: before anything is generated.
            GrammarTooLargeError: likewise; it names the tools and fields that take most.
            EngineError: the engine could not serve the request.
        """
        prepared, rendering = await self._prepare(request)
        try:
            completion = await self.engine.submit(prepared)
        except GrammarTooLargeError as error:
            raise await asyncio.to_thread(with_costs, error, request.tools) from error
        return self._finish(completion, request, rendering)

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Generate the turn, showing the canvas after each denoising step. Raises as `respond`."""
        prepared, rendering = await self._prepare(request)
        draft = TurnDraft(self.chat, self._codec.decode) if request.settled_calls else None
        try:
            async for update in self.engine.stream(prepared):
                if isinstance(update, CanvasUpdate):
                    if draft is not None and (calls := draft.add(update)):
                        yield SettledCalls(calls)
                    yield self._canvas_state(update)
                else:
                    yield self._finish(update, request, rendering)
        except GrammarTooLargeError as error:
            raise await asyncio.to_thread(with_costs, error, request.tools) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the engine."""
        await self.engine.aclose()

    async def _prepare(self, request: ModelRequest) -> tuple[Request, Rendering]:
        check_real_models_allowed(self.name)
        rendering = self._render(request)
        max_tokens = DEFAULT_TURN_TOKENS if request.max_tokens is None else request.max_tokens
        if self._max_turn_tokens is not None:
            max_tokens = min(max_tokens, self._max_turn_tokens)
        turn = await self._turns.get(request)
        prepared = Request(
            prompt=(*rendering.ids, *rendering.opening),
            max_tokens=max_tokens,
            grammar=turn.grammar,
            seed=request.draws_from,
            temperature=1.0 if request.temperature is None else request.temperature,
            priority=request.priority,
            program=request.program,
            fields=turn.fields if request.confidence else None,
        )
        return prepared, rendering

    def _render(self, request: ModelRequest) -> Rendering:
        """The conversation's tokens; those of a Transcript are kept with it."""
        messages = request.messages
        memo = messages.memo if isinstance(messages, Transcript) else {}
        rendering: Rendering | None = memo.get(self)
        if rendering is None or not rendering.is_for(request):
            rendering = memo[self] = Rendering(request.tools, request.output_schema)
        rendering.advance(self.chat, self._codec, request)
        return rendering

    def _finish(self, completion: Completion, request: ModelRequest, rendering: Rendering) -> ModelResponse:
        message = self.chat.parse(list(self._codec.decode(completion.tokens)))
        sure: dict[int | None, Confidence] = {}
        if completion.fields and isinstance(self.chat, FieldFormat):
            sure = confidences(self.chat, completion.fields, self.engine.config.generation.calibration)
        calls = tuple(replace(call, confidence=sure.get(index)) for index, call in enumerate(message.calls))
        message = AssistantMessage(message.text, calls, sure.get(None))
        rendering.spoken = message, completion.tokens
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

    def _canvas_state(self, update: CanvasUpdate) -> CanvasState:
        pieces = tuple(self.engine.tokenizer.decode([token], skip_special=False) for token in update.tokens)
        return CanvasState(update.index, update.step, pieces, update.accepted, update.committed, update.start)
