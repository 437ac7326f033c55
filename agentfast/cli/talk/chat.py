"""`agentfast chat`: prompts from the terminal, one conversation."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module

from agentfast.cli.checks import check_text
from agentfast.cli.process.exits import Exit, report
from agentfast.cli.process.loop import event_loop
from agentfast.cli.talk.agents import Partner, open_partner
from agentfast.cli.talk.answer import answer, output_text
from agentfast.cli.talk.greeting import COMMANDS, greeting, help_text
from agentfast.errors import AgentFastError, ConfigError
from agentfast.messages import Message


def chat_command(options: argparse.Namespace) -> Exit:
    """Talk until /quit or the end of the input.

    Raises:
        KeyboardInterrupt: Ctrl-C at the prompt, a second one while an answer is being stopped, or any if the prompts
            do not come from a terminal.
    """
    partner = open_partner(options)
    is_terminal = sys.stdin.isatty()
    if is_terminal:
        print(greeting(partner))
    conversation = Conversation(partner, options.seed)
    with event_loop(partner.agent.model) as loop:
        for line in lines(is_terminal=is_terminal):
            if line.startswith("/") and not line.startswith("//"):
                if not obey(line, conversation):
                    break
            else:
                take_turn(loop, conversation, line.removeprefix("/"), is_terminal=is_terminal)
    return Exit.OK


class Conversation:
    """A conversation with an agent.

    Attributes:
        answering: a prompt is being answered.
    """

    def __init__(self, partner: Partner, seed: int | None) -> None:
        self.partner = partner
        self.answering = False
        self._history: tuple[Message, ...] = ()
        self._seed = seed

    async def say(self, prompt: str) -> str:
        """The answer to one more prompt. A turn that fails is forgotten."""
        self.answering = True
        try:
            result = await answer(self.partner.agent, prompt, history=self._history, seed=self._seed)
        finally:
            self.answering = False
        self._seed = None if self._seed is None else self._seed + 1
        if self.partner.remembers:
            self._history = result.messages
        return output_text(result.output)

    def reset(self) -> None:
        """Forget what was said."""
        self._history = ()


def take_turn(loop: asyncio.Runner, conversation: Conversation, prompt: str, *, is_terminal: bool) -> None:
    """Print the answer, or why there is none; at a terminal Ctrl-C ends the answer and not the chat."""
    try:
        print(loop.run(conversation.say(check_text(prompt, "the prompt"))), flush=True)
    except AgentFastError as error:
        report(error)
    except KeyboardInterrupt:
        if conversation.answering or not is_terminal:  # the second one, before the answer had stopped
            raise
        print("\nagentfast: stopped; the turn is forgotten. Ctrl-C again ends the chat.", file=sys.stderr)


def obey(line: str, conversation: Conversation) -> bool:
    """Run a command; False for the one that ends the chat."""
    match line.split():
        case ["/quit" | "/exit"]:
            return False
        case ["/help"]:
            print(help_text(conversation.partner), flush=True)
        case ["/reset"]:
            conversation.reset()
            print("The conversation begins anew.", flush=True)
        case _:
            report(ConfigError(f"there is no command {line.split()[0]}", hint=COMMANDS))
    return True


def lines(*, is_terminal: bool) -> Iterator[str]:
    """The lines that are typed, without empty ones.

    Read in the main thread while no turn runs: so Ctrl-C ends the reading at once, and the terminal is left as it was.
    """
    prompt = "> " if is_terminal and sys.stdout.isatty() else ""
    if prompt:
        with suppress(ImportError):
            import_module("readline")  # input() then has line editing and a history
    while True:
        try:
            line = input(prompt)
        except EOFError:
            if prompt:
                print()
            return
        except KeyboardInterrupt:
            if prompt:
                print()
            raise
        if line := line.strip():
            yield line
