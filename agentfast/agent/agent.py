"""Agents: an immutable definition that any number of runs share."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, overload

import anyio

from agentfast.agent.arguments import check_definition, check_run, check_session_run, check_tool_choice
from agentfast.agent.bounds.limits import DEFAULT_LIMITS, DEFAULT_SETTINGS, Limits, Settings
from agentfast.agent.escalation import Escalate
from agentfast.agent.events import AgentEvent, RunEvent, RunFinished
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.read import read_history
from agentfast.agent.map import Map
from agentfast.agent.output import OutputType
from agentfast.agent.result import RunResult, T
from agentfast.agent.run import Run, derive_seed
from agentfast.agent.schemas import check_schemas
from agentfast.agent.turn import Emit
from agentfast.errors import ConfigError
from agentfast.messages import Message, SystemMessage, Transcript, UserMessage
from agentfast.models.base import Model
from agentfast.models.process_bound import ProcessBound
from agentfast.tools.checks import check_flag, check_integer
from agentfast.tools.definition import Tool
from agentfast.tools.executor import Executor
from agentfast.tools.registry import ToolRegistry

if TYPE_CHECKING:
    from agentfast.agent.history.session import Session
    from agentfast.runtime.grammar import Grammar

History = Sequence[Message | Mapping[str, object]]
"""An earlier conversation: messages, or dicts in the format of OpenAI's chat completions."""

AnyTool = Tool[..., Any] | Callable[..., Any]


@dataclass(frozen=True, init=False, eq=False)
class Agent(ProcessBound, Generic[T]):
    """An agent: a model, its tools and instructions, and the type of its answers.

    Immutable: one agent serves any number of runs at once, on any event loop. It cannot be pickled: make one in each
    process.
    """

    model: Model
    tools: tuple[Tool[..., Any], ...]
    instructions: str
    output_type: Any
    tool_choice: str
    limits: Limits
    settings: Settings
    escalate: Escalate | None
    name: str
    _executor: Executor = field(init=False, repr=False)
    _output: OutputType[T] = field(init=False, repr=False)
    _opening: tuple[Message, ...] = field(init=False, repr=False)

    @overload
    def __init__(
        self: Agent[str],
        model: Model,
        *,
        tools: Iterable[AnyTool] = ...,
        instructions: str = ...,
        tool_choice: str = ...,
        limits: Limits = ...,
        settings: Settings = ...,
        escalate: Escalate | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self,
        model: Model,
        *,
        tools: Iterable[AnyTool] = ...,
        instructions: str = ...,
        output_type: type[T],
        tool_choice: str = ...,
        limits: Limits = ...,
        settings: Settings = ...,
        escalate: Escalate | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[str],
        model: Model,
        *,
        tools: Iterable[AnyTool] = ...,
        instructions: str = ...,
        output_type: Grammar | re.Pattern[str],
        tool_choice: str = ...,
        limits: Limits = ...,
        settings: Settings = ...,
        escalate: Escalate | None = ...,
        name: str = ...,
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[Any],
        model: Model,
        *,
        tools: Iterable[AnyTool] = ...,
        instructions: str = ...,
        output_type: object,
        tool_choice: str = ...,
        limits: Limits = ...,
        settings: Settings = ...,
        escalate: Escalate | None = ...,
        name: str = ...,
    ) -> None: ...
    def __init__(
        self,
        model: Model,
        *,
        tools: Iterable[AnyTool] = (),
        instructions: str = "",
        output_type: object = str,
        tool_choice: str = "auto",
        limits: Limits = DEFAULT_LIMITS,
        settings: Settings = DEFAULT_SETTINGS,
        escalate: Escalate | None = None,
        name: str = "agent",
    ) -> None:
        """Define an agent.

        Args:
            model: answers the requests.
            tools: tools, or functions to make tools of.
            instructions: the system message.
            output_type: what an answer is: str for text, any type that pydantic can describe, a JSON Schema, a Grammar,
                a compiled regular expression, or an Outlines term; see output.py.
            tool_choice: of each run's first turn. "auto": an answer or calls; "required": calls; a tool's name: a call
                to it; the turns after it are free. "none": no calls in any turn.
            limits: budgets of each run.
            settings: how each turn is generated.
            escalate: when a stronger model is asked for a turn again, and which; None: never.
            name: for logs and for fairness between programs on one engine.

        Raises:
            ToolDefinitionError: a function cannot become a tool, or two tools share a name.
            ConfigError: an argument is something else than it takes, the output type is none, tool_choice names no tool,
                or the model would escalate to itself; the message names the argument. Or a type has a check that no schema
                states, which a model that is held to its schemas cannot keep to, or no value meets a tool's schema or the
                output type's.
            UnsupportedSchemaError: a model that is held to its schemas cannot be held to one of these.
        """
        check_definition(
            model=model,
            instructions=instructions,
            limits=limits,
            settings=settings,
            escalate=escalate,
            name=name,
        )
        registry = ToolRegistry(tools)
        executor = Executor(registry, timeout=settings.tool_timeout_s, concurrency=settings.tool_concurrency)
        check_tool_choice(tool_choice, registry.definitions)
        output = OutputType[T](output_type)
        for each in (model,) if escalate is None else (model, escalate.to):
            check_schemas(each, registry, output, tool_choice, settings.max_calls)
        needs_system = instructions or len(registry) or output.schema is not None
        values = {
            "model": model,
            "tools": tuple(registry),
            "instructions": instructions,
            "output_type": output_type,
            "tool_choice": tool_choice,
            "limits": limits,
            "settings": settings,
            "escalate": escalate,
            "name": name,
            "_executor": executor,
            "_output": output,
            "_opening": (SystemMessage(instructions),) if needs_system else (),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    async def run(
        self,
        prompt: str,
        *,
        history: History = (),
        session: Session | None = None,
        seed: int | None = None,
    ) -> RunResult[T]:
        """Answer one prompt. Cancelling the caller stops the model's generation and the tools.

        Args:
            prompt: what the user asks.
            history: an earlier conversation to go on with: the `messages` of a result or of an error that ended a run, or
                OpenAI-style dicts. Its instructions are replaced by this agent's.
            session: a kept conversation to go on with, in place of a history; the run's messages are added to it.
            seed: of everything random in the run, at least 0; the same seed gives the same run if the tools play along.
                A server is sent this number for the first turn, and numbers derived from it for later ones. None: 0
                for a local model; a server is sent none.

        Raises:
            ConfigError: the prompt is no text or an empty one, or the history no conversation; nothing was started.
            SessionError: the session cannot be read or written, or another run goes on with it.
            LimitExceededError: a budget is used up.
            OutputError: the answer does not fit the output type, after the allowed retries.
            AgentFastError: the model could not answer. As the two before, it has the conversation so far in `messages` and
                the steps in `steps`.
        """
        if session is None:
            return await self._new_run(prompt, read_history(history), seed, None).execute()
        check_session_run(prompt, history, session, seed)
        return await self._run_in(session, prompt, seed, None)

    def run_sync(
        self,
        prompt: str,
        *,
        history: History = (),
        session: Session | None = None,
        seed: int | None = None,
    ) -> RunResult[T]:
        """`run` for code without an event loop.

        Raises:
            ConfigError: an event loop is running in this thread.
        """
        if _in_event_loop():
            raise ConfigError(
                "run_sync was called inside a running event loop", hint="await agent.run(...) there"
            )
        return asyncio.run(self.run(prompt, history=history, session=session, seed=seed))

    def stream(
        self,
        prompt: str,
        *,
        history: History = (),
        session: Session | None = None,
        seed: int | None = None,
    ) -> AsyncGenerator[AgentEvent[T], None]:
        """`run`, event by event; the last event is RunFinished, or what `run` raises is raised.

        Leaving the loop early stops the run (at once inside `contextlib.aclosing`).
        """
        events: asyncio.Queue[RunEvent | None] = asyncio.Queue()
        if session is None:
            return _follow(
                self._new_run(prompt, read_history(history), seed, events.put_nowait).execute, events
            )
        check_session_run(prompt, history, session, seed)
        return _follow(partial(self._run_in, session, prompt, seed, events.put_nowait), events)

    @overload
    async def map(
        self,
        prompts: Iterable[str],
        *,
        concurrency: int = ...,
        return_exceptions: Literal[False] = ...,
        seed: int | None = ...,
    ) -> list[RunResult[T]]: ...
    @overload
    async def map(
        self,
        prompts: Iterable[str],
        *,
        concurrency: int = ...,
        return_exceptions: bool,
        seed: int | None = ...,
    ) -> list[RunResult[T] | Exception]: ...
    async def map(
        self,
        prompts: Iterable[str],
        *,
        concurrency: int = 32,
        return_exceptions: bool = False,
        seed: int | None = None,
    ) -> list[RunResult[T]] | list[RunResult[T] | Exception]:
        """Answer many prompts; the results are in the order of the prompts.

        Args:
            prompts: read as runs become free, so a generator is fine.
            concurrency: runs at once.
            return_exceptions: put a failed run's exception in its place; otherwise the first one stops the runs under
                way, and a MapError is raised.
            seed: each prompt's run has its own, derived from this one and its place.

        Raises:
            ConfigError: `prompts` is no collection of texts, or another argument does not fit; nothing was started.
            MapError: a prompt failed. It names the prompt, and has what the others came to in `results`.
        """
        check_integer("concurrency", concurrency, least=1)
        check_flag("return_exceptions", return_exceptions)
        check_integer("seed", seed, least=0, optional=True)

        def answer(prompt: str, index: int) -> Awaitable[RunResult[T]]:
            own = None if seed is None else derive_seed(seed, index)
            return self._new_run(
                prompt, read_history(()), own, None, default_seed=derive_seed(0, index)
            ).execute()

        return await Map(answer, prompts, keep_going=return_exceptions).execute(concurrency)

    async def _run_in(
        self, session: Session, prompt: str, seed: int | None, emit: Emit | None
    ) -> RunResult[T]:
        """Execute a run that goes on with the session, which keeps its messages however it ends."""
        async with session.record(self.model) as recorded:
            run = self._new_run(prompt, (recorded.history, recorded.call_ids), seed, emit)
            recorded.follow(run)
            return await run.execute()

    def _new_run(
        self,
        prompt: str,
        history: tuple[list[Message], CallIds],
        seed: int | None,
        emit: Emit | None,
        *,
        default_seed: int = 0,
    ) -> Run[T]:
        check_run(prompt, seed)
        earlier, call_ids = history
        transcript = Transcript([*self._opening, *earlier, UserMessage(prompt)])
        return Run(
            name=self.name,
            model=self.model,
            executor=self._executor,
            output=self._output,
            tool_choice=self.tool_choice,
            limits=self.limits,
            settings=self.settings,
            escalate=self.escalate,
            transcript=transcript,
            call_ids=call_ids,
            seed=seed,
            default_seed=default_seed,
            emit=emit,
        )


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


async def _follow(
    execute: Callable[[], Coroutine[Any, Any, RunResult[T]]], events: asyncio.Queue[RunEvent | None]
) -> AsyncGenerator[AgentEvent[T], None]:
    """Execute a run, event by event; it stops when the generator is closed."""
    task = asyncio.create_task(execute())
    task.add_done_callback(lambda _: events.put_nowait(None))
    try:
        while (event := await events.get()) is not None:
            yield event
        yield RunFinished(await task)
    finally:
        if not task.done():
            task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # whoever left early does not come for it
