"""Checks of what an agent and its runs are given, before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentfast.agent.bounds.budget import Budget
from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.agent.calls.doubt import Doubt
from agentfast.agent.calls.escalation import Escalate
from agentfast.errors import ConfigError
from agentfast.models.base import check_model
from agentfast.tools.call import ToolDefinition
from agentfast.tools.checks import check_choice, check_integer, check_text, refuse
from agentfast.tools.registry import ToolRegistry

_CHOICES = ("auto", "required", "none")


def check_definition(
    *,
    model: object,
    limits: object,
    settings: object,
    escalate: object,
    doubt: object,
    approve: object,
    name: object,
) -> None:
    """The plain arguments of an agent.

    Raises:
        ConfigError: one of them is something else than it takes, or the model would escalate to itself.
    """
    check_model("model", model)
    if not isinstance(limits, Limits):
        refuse("limits", limits, "Limits(...)")
    if not isinstance(settings, Settings):
        refuse("settings", settings, "Settings(...)")
    if escalate is not None and not isinstance(escalate, Escalate):
        refuse("escalate", escalate, "Escalate(to=model), or None")
    if doubt is not None and doubt != "model" and not isinstance(doubt, Doubt):
        refuse("doubt", doubt, "Doubt(below=..., then=...), None, or 'model' for the model's own")
    if approve is not None and not callable(approve):
        refuse(
            "approve", approve, "a function of an ApprovalRequest that returns True, False or Decision(...)"
        )
    if isinstance(escalate, Escalate) and escalate.to is model:
        raise ConfigError(
            f"model {escalate.to.name!r} would escalate to itself", hint="escalate to another model"
        )
    check_text("name", name)


def check_tool_choice(choice: object, tools: Sequence[ToolDefinition]) -> None:
    """One of the words, or the name of a tool; "required" only if there are tools.

    Raises:
        ConfigError: it is something else; the message offers a similar one.
    """
    names = [tool.name for tool in tools]
    check_choice("tool_choice", choice, (*_CHOICES, *names))
    if choice == "required" and not names:
        raise ConfigError("tool_choice is 'required', but the agent has no tools", hint="give it tools=[...]")


def check_contexts(registry: ToolRegistry, deps_type: object) -> None:
    """The contexts that the tools take: their deps are what the agent's deps_type says.

    Raises:
        ConfigError: a tool takes another type.
    """
    for tool in registry:
        wanted = tool.context_type
        if wanted is Any or not isinstance(wanted, type):
            continue
        given = type(None) if deps_type is None else deps_type
        if isinstance(given, type) and not issubclass(given, wanted):
            said = "deps_type=None" if deps_type is None else f"deps_type={given.__name__}"
            raise ConfigError(
                f"tool {tool.name!r} takes RunContext[{wanted.__name__}], but the agent has {said}",
                hint=f"Agent(deps_type={wanted.__name__})",
            )


def check_deps(deps: object, deps_type: object) -> None:
    """The deps of a run.

    Raises:
        ConfigError: they are something else than the agent takes.
    """
    if deps_type is None:
        if deps is not None:
            refuse("deps", deps, "None, as the agent has no deps_type", hint="Agent(deps_type=...)")
        return
    try:
        fits = not isinstance(deps_type, type) or isinstance(deps, deps_type)
    except TypeError:  # a type that is not for isinstance, such as a protocol
        return
    if not fits:
        refuse("deps", deps, f"{getattr(deps_type, '__name__', deps_type)}, as the agent's deps_type says")


def check_budget(budget: object) -> None:
    """A shared budget, or None.

    Raises:
        ConfigError: it is something else.
    """
    if budget is not None and not isinstance(budget, Budget):
        refuse("budget", budget, "Budget(...), or None")


def check_run(prompt: object, seed: object) -> None:
    """The prompt and the seed of a run.

    Raises:
        ConfigError: one of them is something else than it takes.
    """
    check_text("prompt", prompt)
    assert isinstance(prompt, str)
    if not prompt or prompt.isspace():
        raise ConfigError("prompt is empty", hint="say what to do; a conversation goes on with history=")
    check_integer("seed", seed, least=0, optional=True)


def check_session_run(prompt: object, history: object, session: object, seed: object) -> None:
    """The arguments of a run that goes on with a session.

    Raises:
        ConfigError: one of them is something else than it takes, or a history is given beside the session.
    """
    from agentfast.agent.history.session import Session  # here, as most runs have none and need no database

    check_run(prompt, seed)
    if not isinstance(session, Session):
        hint = f"write Session({session!r})" if isinstance(session, str) else None
        refuse("session", session, "a Session('chat.db', id='anna'), or None", hint=hint)
    if history != ():
        raise ConfigError(
            "history and session are both given, but a run goes on with one conversation",
            hint="leave the history out: the session holds its own",
        )
