"""Checks of what an agent and its runs are given, before anything starts."""

from __future__ import annotations

from collections.abc import Sequence

from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.agent.escalation import Escalate
from agentfast.errors import ConfigError
from agentfast.models.base import check_model
from agentfast.tools.call import ToolDefinition
from agentfast.tools.checks import check_choice, check_integer, check_text, refuse

_CHOICES = ("auto", "required", "none")


def check_definition(
    *, model: object, instructions: object, limits: object, settings: object, escalate: object, name: object
) -> None:
    """The plain arguments of an agent.

    Raises:
        ConfigError: one of them is something else than it takes, or the model would escalate to itself.
    """
    check_model("model", model)
    is_function = callable(instructions)
    check_text(
        "instructions",
        instructions,
        hint="functions are not supported yet: give the text, or make an agent per text"
        if is_function
        else None,
    )
    if not isinstance(limits, Limits):
        refuse("limits", limits, "Limits(...)")
    if not isinstance(settings, Settings):
        refuse("settings", settings, "Settings(...)")
    if escalate is not None and not isinstance(escalate, Escalate):
        refuse("escalate", escalate, "Escalate(to=model), or None")
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


def check_run(prompt: object, seed: object) -> None:
    """The arguments of a run but its history.

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
