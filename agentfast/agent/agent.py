"""Agents: an immutable definition that any number of runs share."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Unpack, overload

from typing_extensions import TypeForm
from typing_extensions import TypeVar as DefaultTypeVar

from agentfast.agent.bounds.budget import Budget
from agentfast.agent.bounds.limits import DEFAULT_LIMITS, DEFAULT_SETTINGS, Limits, Settings
from agentfast.agent.bounds.repetition import Repetition
from agentfast.agent.calls.approval import Approver, Decision
from agentfast.agent.calls.doubt import Doubt, model_doubt
from agentfast.agent.calls.escalation import Escalate
from agentfast.agent.calls.handoff import agent_tool, handoff_name, handoff_tool, reachable
from agentfast.agent.checks.arguments import (
    check_budget,
    check_contexts,
    check_definition,
    check_deps,
    check_run,
    check_session_run,
    check_tool_choice,
)
from agentfast.agent.checks.schemas import check_schemas
from agentfast.agent.definitions.definition import Definition
from agentfast.agent.definitions.instructions import Instructions, InstructionsLike
from agentfast.agent.definitions.options import AgentOptions
from agentfast.agent.definitions.overrides import overridden, overriding
from agentfast.agent.events import AgentEvent
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.read import read_history
from agentfast.agent.many.gather import Outcome, check_prompts, outcomes
from agentfast.agent.many.map import Map
from agentfast.agent.many.progress import Report, reporting
from agentfast.agent.output.output_type import OutputType
from agentfast.agent.output.validators import OutputValidator, Validators
from agentfast.agent.result import RunResult, T
from agentfast.agent.run.loop import Run
from agentfast.agent.run.saved import SavedRun, resumed
from agentfast.agent.run.seeds import derive_seed
from agentfast.agent.run.state import RunState
from agentfast.agent.run.watcher import Watcher
from agentfast.agent.sinks import Sink, SinkLike, as_sinks
from agentfast.errors import ConfigError
from agentfast.messages import Message, SystemMessage, Transcript, UserMessage
from agentfast.models.base import Model, check_model
from agentfast.models.process_bound import ProcessBound
from agentfast.tools.checks import check_flag, check_integer, check_list, check_text, refuse
from agentfast.tools.definition import Tool
from agentfast.tools.executor import Executor
from agentfast.tools.registry import ToolRegistry
from agentfast.tools.toolsets.toolset import Toolset

if TYPE_CHECKING:
    from agentfast.agent.history.session import Session
    from agentfast.runtime.grammar import Grammar

History = Sequence[Message | Mapping[str, object]]
"""An earlier conversation: messages, or dicts in the format of OpenAI's chat completions."""

AnyTool = Tool[Any] | Callable[..., Any]

D = DefaultTypeVar("D", default=None)
X = TypeVar("X")
Y = TypeVar("Y")


@dataclass(frozen=True, init=False, eq=False)
class Agent(ProcessBound, Generic[D, T]):
    """An agent: a model, its tools and instructions, and the type of its answers.

    `Agent[Deps, Output]`: the type of what its tools get by their context, None if nothing, and the type of its answers.
    Immutable: one agent serves any number of runs at once, on any event loop. It cannot be pickled: make one in each
    process.
    """

    model: Model
    tools: tuple[Tool[Any], ...]
    instructions: Any
    output_type: Any
    deps_type: Any
    tool_choice: str
    limits: Limits
    settings: Settings
    escalate: Escalate | None
    doubt: Doubt | None
    name: str
    description: str
    definition: Definition[T] = field(init=False, repr=False)
    _opening: tuple[Message, ...] = field(init=False, repr=False)

    @overload
    def __init__(
        self: Agent[None, str],
        model: Model,
        *,
        output_validators: Iterable[OutputValidator[str, None]] = ...,
        handoffs: Iterable[Agent[None, str]] = ...,
        **options: Unpack[AgentOptions[None]],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[X, str],
        model: Model,
        *,
        deps_type: type[X],
        output_validators: Iterable[OutputValidator[str, X]] = ...,
        handoffs: Iterable[Agent[X, str]] = ...,
        **options: Unpack[AgentOptions[X]],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[None, str],
        model: Model,
        *,
        output_type: Grammar | re.Pattern[str],
        output_validators: Iterable[OutputValidator[str, None]] = ...,
        handoffs: Iterable[Agent[None, str]] = ...,
        **options: Unpack[AgentOptions[None]],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[X, str],
        model: Model,
        *,
        deps_type: type[X],
        output_type: Grammar | re.Pattern[str],
        output_validators: Iterable[OutputValidator[str, X]] = ...,
        handoffs: Iterable[Agent[X, str]] = ...,
        **options: Unpack[AgentOptions[X]],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[None, Y],
        model: Model,
        *,
        output_type: TypeForm[Y],
        output_validators: Iterable[OutputValidator[Y, None]] = ...,
        handoffs: Iterable[Agent[None, Y]] = ...,
        **options: Unpack[AgentOptions[None]],
    ) -> None: ...
    @overload
    def __init__(
        self,
        model: Model,
        *,
        deps_type: type[D],
        output_type: TypeForm[T],
        output_validators: Iterable[OutputValidator[T, D]] = ...,
        handoffs: Iterable[Agent[D, T]] = ...,
        **options: Unpack[AgentOptions[D]],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[None, Any],
        model: Model,
        *,
        output_type: object,
        output_validators: Iterable[OutputValidator[Any, None]] = ...,
        handoffs: Iterable[Agent[None, Any]] = ...,
        **options: Unpack[AgentOptions[None]],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[X, Any],
        model: Model,
        *,
        deps_type: type[X],
        output_type: object,
        output_validators: Iterable[OutputValidator[Any, X]] = ...,
        handoffs: Iterable[Agent[X, Any]] = ...,
        **options: Unpack[AgentOptions[X]],
    ) -> None: ...
    def __init__(
        self,
        model: Model,
        *,
        tools: Iterable[AnyTool | Toolset] = (),
        instructions: InstructionsLike[Any] = "",
        output_type: object = str,
        deps_type: object = None,
        output_validators: Iterable[Callable[..., Any]] = (),
        handoffs: Iterable[Agent[Any, Any]] = (),
        tool_choice: str = "auto",
        limits: Limits = DEFAULT_LIMITS,
        settings: Settings = DEFAULT_SETTINGS,
        escalate: Escalate | None = None,
        doubt: Doubt | Literal["model"] | None = "model",
        approve: Approver | None = None,
        sinks: Iterable[SinkLike] = (),
        name: str = "agent",
        description: str = "",
    ) -> None:
        """Define an agent.

        Args:
            model: answers the requests.
            tools: tools, functions to make tools of, or toolsets.
            instructions: the system message: a text, a function that writes it when a run begins, sync or async, with the
                run's context as its argument if it takes one, or a list of both.
            output_type: what an answer is: str for text, any type that pydantic can describe, a JSON Schema, a Grammar,
                a compiled regular expression, or an Outlines term; see output_type.py.
            deps_type: type of what `run(deps=...)` hands to tools, instructions and validators by their RunContext.
            output_validators: functions of an answer, in their order; each returns it, or raises ModelRetry with the reason
                that the model is sent back with.
            handoffs: agents that the model can hand the conversation to. They answer in this one's place.
            tool_choice: of each run's first turn. "auto": an answer or calls; "required": calls; a tool's name: a call
                to it; the turns after it are free. "none": no calls in any turn.
            limits: budgets of each run.
            settings: how each turn is generated.
            escalate: when a stronger model is asked for a turn again, and which; None: never.
            doubt: what becomes of calls whose own confidence is low; "model": what the model says, which for most models
                is nothing, and for all if the settings ask for no confidence; None: they run as any other.
            approve: decides on calls that require approval; without it a run pauses at one, see RunPausedError.
            sinks: receivers of the runs' events: functions of a RunInfo and an event, or objects; see sinks.py.
            name: for logs, and for tools made of the agent.
            description: for agents that call this one or hand over to it.

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
            limits=limits,
            settings=settings,
            escalate=escalate,
            doubt=doubt,
            approve=approve,
            name=name,
        )
        check_text("description", description)
        targets = _handoffs(handoffs)
        registry = ToolRegistry(tools)
        if targets:
            transfers = [handoff_tool(agent.name, agent.description) for agent in targets.values()]
            registry = ToolRegistry([*registry, *transfers])
        check_contexts(registry, deps_type)
        executor = Executor(registry, timeout=settings.tool_timeout_s, concurrency=settings.tool_concurrency)
        check_tool_choice(tool_choice, registry.definitions)
        output = OutputType[T](output_type)
        for each in (model,) if escalate is None else (model, escalate.to):
            check_schemas(each, registry, output, tool_choice, settings.max_calls)
        doubted = doubt if doubt != "model" else model_doubt(model) if settings.confidence else None
        definition = Definition(
            name=name,
            model=model,
            executor=executor,
            output=output,
            validators=Validators(output_validators),
            instructions=Instructions(instructions),
            tool_choice=tool_choice,
            limits=limits,
            settings=settings,
            escalate=escalate,
            doubt=doubted,
            approve=approve,
            sinks=as_sinks(sinks),
            handoffs={tool: agent.definition for tool, agent in targets.items()},
        )
        text = definition.instructions.text
        values = {
            "model": model,
            "tools": tuple(registry),
            "instructions": instructions,
            "output_type": output_type,
            "deps_type": deps_type,
            "tool_choice": tool_choice,
            "limits": limits,
            "settings": settings,
            "escalate": escalate,
            "doubt": doubted,
            "name": name,
            "description": description,
            "definition": definition,
            "_opening": (SystemMessage(text or ""),) if definition.has_system else (),
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    async def run(
        self,
        prompt: str,
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        history: History = (),
        session: Session | None = None,
        budget: Budget | None = None,
        seed: int | None = None,
    ) -> RunResult[T]:
        """Answer one prompt. Cancelling the caller stops the model's generation and the tools.

        Args:
            prompt: what the user asks.
            deps: handed to tools, instructions and validators by their RunContext.
            history: an earlier conversation to go on with: the `messages` of a result or of an error that ended a run, or
                OpenAI-style dicts. Its instructions are replaced by this agent's.
            session: a kept conversation to go on with, in place of a history; the run's messages are added to it.
            budget: bounds that this run shares with others, and with the runs that its tools start.
            seed: of everything random in the run, at least 0; the same seed gives the same run if the tools play along.
                A server is sent this number for the first turn, and numbers derived from it for later ones. None: 0
                for a local model; a server is sent none.

        Raises:
            ConfigError: the prompt is no text or an empty one, or the history no conversation; nothing was started.
            SessionError: the session cannot be read or written, or another run goes on with it.
            LimitExceededError: a budget is used up.
            OutputError: the answer does not fit the output type, or a validator refuses it, after the allowed retries.
            RetriesExhaustedError: a tool failed too often in a row.
            RunPausedError: a call waits for a decision, and the agent has no approver.
            AgentFastError: the model could not answer. As the two before, it has the conversation so far in `messages` and
                the steps in `steps`.
        """
        if session is None:
            return await self._new_run(prompt, read_history(history), seed, deps, budget).execute()
        check_session_run(prompt, history, session, seed)
        return await self._run_in(session, prompt, seed, deps, budget, ())

    def run_sync(
        self,
        prompt: str,
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        history: History = (),
        session: Session | None = None,
        budget: Budget | None = None,
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
        return asyncio.run(
            self.run(prompt, deps=deps, history=history, session=session, budget=budget, seed=seed)
        )

    def stream(
        self,
        prompt: str,
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        history: History = (),
        session: Session | None = None,
        budget: Budget | None = None,
        seed: int | None = None,
    ) -> AsyncGenerator[AgentEvent[T], None]:
        """`run`, event by event; the last event is RunFinished, or what `run` raises is raised.

        Leaving the loop early stops the run (at once inside `contextlib.aclosing`).
        """
        watcher = Watcher()
        if session is None:
            run = self._new_run(prompt, read_history(history), seed, deps, budget, (watcher,))
            return watcher.follow(run.execute)
        check_session_run(prompt, history, session, seed)
        return watcher.follow(partial(self._run_in, session, prompt, seed, deps, budget, (watcher,)))

    async def resume(
        self,
        state: SavedRun,
        decisions: Mapping[str, Decision | bool] | None = None,
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        budget: Budget | None = None,
    ) -> RunResult[T]:
        """Go on with a run that was paused, in this process or another.

        Args:
            state: the run, of RunPausedError.
            decisions: on the calls that wait, by their ids: True, False or a Decision. A call without one is asked for of
                the agent's approver; without an approver the run pauses again.
            deps: as for `run`.
            budget: as for `run`.

        Raises:
            ConfigError: the run is another agent's, or a decision is on no call that waits.
            AgentFastError: as `run`.
        """
        return await self.resumed_run(state, decisions, deps=deps, budget=budget).execute()

    def resume_stream(
        self,
        state: SavedRun,
        decisions: Mapping[str, Decision | bool] | None = None,
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        budget: Budget | None = None,
    ) -> AsyncGenerator[AgentEvent[T], None]:
        """`resume`, event by event, as `stream` is `run`."""
        watcher = Watcher()
        run = self.resumed_run(state, decisions, deps=deps, budget=budget, sinks=(watcher,))
        return watcher.follow(run.execute)

    def as_tool(self, *, name: str | None = None, description: str | None = None) -> Tool[D]:
        """The agent as a tool of another agent: it takes a prompt, and its answer is the tool's result.

        The inner run has the outer one's deps, and keeps to its deadline and shared budgets; what it uses is added to the
        outer run's usage. Its failure is a result that the outer model reads.

        Args:
            name: the tool's; None: the agent's.
            description: the tool's; None: the agent's.

        Raises:
            ToolDefinitionError: no tool can have the name.
            ConfigError: there is no description.
        """
        said = self.description if description is None else description
        if not said:
            raise ConfigError(
                f"agent {self.name!r} has no description, so that no model would know when to call it",
                hint="as_tool(description=...), or Agent(description=...)",
            )
        return agent_tool(self, self.name if name is None else name, said)

    @overload
    async def map(
        self,
        prompts: Iterable[str],
        *,
        deps: D = ...,
        budget: Budget | None = ...,
        concurrency: int = ...,
        return_exceptions: Literal[False] = ...,
        progress: bool | Report = ...,
        seed: int | None = ...,
    ) -> list[RunResult[T]]: ...
    @overload
    async def map(
        self,
        prompts: Iterable[str],
        *,
        deps: D = ...,
        budget: Budget | None = ...,
        concurrency: int = ...,
        return_exceptions: bool,
        progress: bool | Report = ...,
        seed: int | None = ...,
    ) -> list[RunResult[T] | Exception]: ...
    async def map(
        self,
        prompts: Iterable[str],
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        budget: Budget | None = None,
        concurrency: int = 32,
        return_exceptions: bool = False,
        progress: bool | Report = False,
        seed: int | None = None,
    ) -> list[RunResult[T]] | list[RunResult[T] | Exception]:
        """Answer many prompts; the results are in the order of the prompts.

        Args:
            prompts: read as runs become free, so a generator is fine.
            deps: of each run.
            budget: bounds that the runs share.
            concurrency: runs at once.
            return_exceptions: put a failed run's exception in its place; otherwise the first one stops the runs under
                way, and a MapError is raised.
            progress: True shows a bar on standard error; a function is told of the Progress at each run's end.
            seed: each prompt's run has its own, derived from this one and its place.

        Raises:
            ConfigError: `prompts` is no collection of texts, or another argument does not fit; nothing was started.
            MapError: a prompt failed. It names the prompt, and has what the others came to in `results`.
        """
        check_integer("concurrency", concurrency, least=1)
        check_flag("return_exceptions", return_exceptions)
        check_integer("seed", seed, least=0, optional=True)

        check_prompts(prompts)
        answer = self._answer_of(seed, deps, budget)
        with reporting(progress, len(prompts) if isinstance(prompts, Sized) else None) as report:
            many = Map(answer, prompts, keep_going=return_exceptions, report=report)
            return await many.execute(concurrency)

    def map_as_completed(
        self,
        prompts: Iterable[str],
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        budget: Budget | None = None,
        concurrency: int = 32,
        seed: int | None = None,
    ) -> AsyncGenerator[Outcome[str, T], None]:
        """`map`, each prompt's outcome as its run ends: a failure is an outcome, too, and the others go on.

        Leaving the loop early stops the runs under way (at once inside `contextlib.aclosing`).

        Raises:
            ConfigError: an argument does not fit; nothing was started.
            MapError: the prompts' iterator failed; the outcomes before it were given.
        """
        check_integer("concurrency", concurrency, least=1)
        check_integer("seed", seed, least=0, optional=True)
        check_prompts(prompts)
        return outcomes(self._answer_of(seed, deps, budget), prompts, concurrency)

    def _answer_of(
        self, seed: int | None, deps: D, budget: Budget | None
    ) -> Callable[[str, int], Coroutine[Any, Any, RunResult[T]]]:
        """Answers a prompt of a map, given its place, with a seed of its own."""

        async def answer(prompt: str, index: int) -> RunResult[T]:
            own = None if seed is None else derive_seed(seed, index)
            run = self._new_run(
                prompt, read_history(()), own, deps, budget, default_seed=derive_seed(0, index)
            )
            return await run.execute()

        return answer

    @contextmanager
    def override(
        self, *, model: Model | None = None, sinks: Iterable[SinkLike] | None = None
    ) -> Generator[None]:
        """Let the agent have another model or other sinks inside a `with` block, as tests need it.

        It holds for runs that the block starts, in its tasks and threads too, also where the agent is a tool of another or
        is handed to. Others do not see it.

        Raises:
            ConfigError, UnsupportedSchemaError: the model cannot serve this agent.
        """
        parts = self.definition
        if model is not None:
            check_model("model", model)
            check_schemas(
                model, parts.executor.registry, parts.output, self.tool_choice, self.settings.max_calls
            )
            parts = replace(parts, model=model)
        if sinks is not None:
            parts = replace(parts, sinks=as_sinks(sinks))
        with overriding(self.definition, parts):
            yield

    async def _run_in(
        self,
        session: Session,
        prompt: str,
        seed: int | None,
        deps: D,
        budget: Budget | None,
        sinks: tuple[Sink, ...],
    ) -> RunResult[T]:
        """Execute a run that goes on with the session, which keeps its messages however it ends."""
        async with session.record(overridden(self.definition).model) as recorded:
            run = self._new_run(prompt, (recorded.history, recorded.call_ids), seed, deps, budget, sinks)
            recorded.follow(run)
            return await run.execute()

    def _new_run(
        self,
        prompt: str,
        history: tuple[list[Message], CallIds],
        seed: int | None,
        deps: D,
        budget: Budget | None,
        sinks: tuple[Sink, ...] = (),
        *,
        default_seed: int = 0,
    ) -> Run[T]:
        check_run(prompt, seed)
        check_deps(deps, self.deps_type)
        check_budget(budget)
        earlier, call_ids = history
        state = RunState(
            f"{self.name}-{os.urandom(6).hex()}",
            self.name,
            Transcript([*self._opening, *earlier, UserMessage(prompt)]),
            call_ids,
            seed,
            default_seed,
            Repetition(),
        )
        return Run(self.definition, state, deps=deps, budget=budget, sinks=sinks)

    def resumed_run(
        self,
        saved: SavedRun,
        decisions: Mapping[str, Decision | bool] | None = None,
        *,
        deps: D = None,  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]
        budget: Budget | None = None,
        sinks: tuple[Sink, ...] = (),
    ) -> Run[T]:
        """A run that goes on when it is executed; see `resume`. `sinks` get its events besides the agent's own."""
        check_deps(deps, self.deps_type)
        check_budget(budget)
        state = resumed(saved, decisions or {})
        known = {self.name: self.definition} | {
            each.name: each for each in reachable(self.definition.handoffs.values())
        }
        if state.agent not in known:
            raise ConfigError(
                f"the run is one of agent {state.agent!r}, not of {self.name!r}",
                hint="resume it with that agent",
            )
        return Run(known[state.agent], state, deps=deps, budget=budget, sinks=sinks)


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _handoffs(agents: Iterable[Agent[Any, Any]]) -> dict[str, Agent[Any, Any]]:
    """The agents that the conversation can be handed to, by the names of their tools.

    Raises:
        ConfigError: one of them is no agent, or two have the same name.
    """
    hint = "put it into a list: handoffs=[...]" if isinstance(agents, Agent) else None
    named: dict[str, Agent[Any, Any]] = {}
    for index, agent in enumerate(check_list("handoffs", agents, "a list of agents", hint=hint)):
        if not isinstance(agent, Agent):
            refuse(f"handoffs[{index}]", agent, "an Agent")
        tool = handoff_name(agent.name)
        if tool in named:
            raise ConfigError(
                f"two agents of handoffs are named {agent.name!r}", hint="name them: Agent(name=...)"
            )
        named[tool] = agent
    return named
