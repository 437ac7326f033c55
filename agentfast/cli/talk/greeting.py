"""The texts of `agentfast chat`: its greeting and its help."""

from __future__ import annotations

from typing import Final

from agentfast.cli.talk.agents import Partner
from agentfast.cli.talk.questions import questions

COMMANDS: Final = "commands are /help, /reset and /quit (or /exit); //text sends /text"
_SINGLE: Final = (
    "The embedded model was taught single requests: it takes each line as one, and remembers none."
)


def greeting(partner: Partner) -> str:
    """The lines at the start of a chat."""
    lines = [f"{_name(partner)}. {_tools(partner)}"]
    if partner.remembers:
        lines.append("It remembers the conversation; /reset begins a new one.")
    else:
        lines.append(_SINGLE)
    return "\n".join([*lines, *_examples(partner), "/help says more; /quit or Ctrl-D ends the chat."])


def help_text(partner: Partner) -> str:
    """The answer to /help."""
    return "\n".join(
        (
            "/help   shows this",
            "/reset  forgets the conversation",
            "/quit   ends the chat, as /exit and Ctrl-D do, and Ctrl-C at the prompt",
            "//text  sends /text to the agent",
            "Ctrl-C  during an answer stops it",
            _tools(partner),
            *_examples(partner),
        )
    )


def _name(partner: Partner) -> str:
    agent = partner.agent
    where = f"the {partner.desk} desk of a small made-up shop" if partner.desk else f"agent {agent.name!r}"
    return f"{where[:1].upper()}{where[1:]}, with the model {agent.model.name}"


def _tools(partner: Partner) -> str:
    names = [tool.name for tool in partner.agent.tools]
    return f"Tools: {', '.join(names)}." if names else "It has no tools."


def _examples(partner: Partner) -> list[str]:
    if partner.shop is None:
        return []
    return ["Try:", *(f"  {question}" for question in questions(partner.shop, partner.desk))]
