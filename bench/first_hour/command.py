"""The command: talking to one's own agent, Ctrl-C, early refusals, questions that have answers."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.first_hour.items import Figures, expect, expect_words, item
from bench.first_hour.models import server
from bench.first_hour.programs import agentfast, environment, new_folder, python, run, scratch
from bench.first_hour.terminal import CTRL_C, Terminal
from tests.support.servers.openai_server import reply, turn

INTERRUPTED: Final = 130
USAGE: Final = 2
BOUND_S: Final = 60.0
"""A program that Ctrl-C does not end, or that says nothing for so long, is killed."""
AGENT = """
from agentfast import Agent, ScriptedModel, UserMessage

def answer(messages):
    return f"prompts: {[message.text for message in messages if isinstance(message, UserMessage)]}"

agent = Agent(ScriptedModel(answer))
"""


def own_agent() -> Path:
    """A folder with a module `mine`, whose `agent` answers with the prompts that it was given."""
    folder = new_folder("agent")
    folder.joinpath("mine").with_suffix(".py").write_text(AGENT)
    return folder


@contextmanager
def chat() -> Generator[Terminal]:
    """`agentfast chat` with that agent at a terminal, at its prompt."""
    terminal = Terminal(agentfast("chat", "--agent", "mine:agent"), environment(), own_agent())
    try:
        terminal.wait_for("> ")
        yield terminal
    finally:
        terminal.kill()


@item
def own_agent_in_run() -> None:
    """`agentfast run --agent module:name` asks one's own agent."""
    ran = run(agentfast("run", "--agent", "mine:agent", "hello"), environment(), cwd=own_agent())
    expect(ran.code == 0 and ran.output == "prompts: ['hello']\n", ran)


@item
def url_in_run() -> None:
    """`agentfast run --url URL --model NAME` asks an OpenAI-compatible server."""
    with server(reply(turn({"content": "I am here."}))) as running:
        ran = run(agentfast("run", "--url", running.url, "--model", "some-model", "hello"), environment())
        asked = running.asked
    expect(ran.code == 0 and ran.output == "I am here.\n", ran)
    expect(asked[0]["model"] == "some-model", asked)


@item
def chat_commands() -> None:
    """In a chat /help helps, /reset forgets and /quit ends; none of them goes to the model."""
    with chat() as terminal:
        expect_words(terminal.ask("one"), "prompts: ['one']")
        expect_words(terminal.ask("two"), "prompts: ['one', 'two']")
        helped = terminal.ask("/help")
        expect("prompts:" not in helped, helped)
        expect_words(helped, "/reset", "/quit")
        terminal.ask("/reset")
        expect_words(terminal.ask("three"), "prompts: ['three']")
        terminal.type("/quit\n")
        code = terminal.end()
        expect(code == 0, code)


@item
def ctrl_c_in_a_chat() -> None:
    """Ctrl-C at the prompt of a chat ends it, without Enter and without a traceback."""
    with chat() as terminal:
        terminal.ask("one")
        terminal.type(CTRL_C)
        code = terminal.end()
        expect(code == INTERRUPTED and "Traceback" not in terminal.output, (code, terminal.output))


SLEEPING = '''
import asyncio, threading
from agentfast import Agent, ScriptedModel, ToolCall, tool

@tool
def sleep() -> int:
    """Sleeps."""
    print("asleep", flush=True)
    threading.Event().wait(600)
    return 1

asyncio.run(Agent(ScriptedModel([ToolCall("sleep", {}), "done"]), tools=[sleep]).map(["go"] * 200))
'''


@contextmanager
def started(command: list[str], **options: Any) -> Generator[subprocess.Popen[str]]:
    """A program that runs meanwhile; killed at the end, and after a minute."""
    pipe = subprocess.PIPE
    program = subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=environment(), cwd=scratch(), **options
    )
    killer = threading.Timer(BOUND_S, program.kill)
    killer.start()
    with program:
        try:
            yield program
        finally:
            killer.cancel()
            program.kill()


@item
def ctrl_c_in_a_map() -> None:
    """Ctrl-C in a map of 200 prompts ends the program, though sync tools sleep in their threads."""
    unignored = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with started(python(SLEEPING), preexec_fn=unignored) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        first = program.stdout.readline()
        program.send_signal(signal.SIGINT)
        errors = program.stderr.read()
        code = program.wait()
    expect(first == "asleep\n", f"{first!r} before Ctrl-C, {errors!r}")
    expect(errors.splitlines()[-1:] == ["KeyboardInterrupt"], f"code {code} after Ctrl-C, {errors!r}")


@item
def early_refusal() -> Figures:
    """`agentfast schema nofile.json` says that it cannot read the file before it loads torch."""
    ran = run([sys.executable, "-X", "importtime", *agentfast("schema", "nofile.json")[1:]], environment())
    said = [line for _, line in ran.errors if not line.startswith("import time:")]
    expect(ran.code == USAGE and len(said) == 1, ran)
    expect_words(said[0], "cannot read", "nofile.json")
    loaded = {line.rpartition("|")[2].strip() for _, line in ran.errors}
    expect(not loaded & {"torch", "numba"}, sorted(loaded & {"torch", "numba"}))
    return {"schema_nofile_cpu_s": ran.cpu_s}


@item
def refusals_of_commands() -> None:
    """Each command refuses a bad argument by its name, before it loads torch."""
    for arguments, words in (
        (("run", "--model", "nowhere", "hello"), "nowhere"),
        (("run", "--agent", "nomodule:agent", "hello"), "nomodule"),
        (("run", "--url", "localhost:8000", "--model", "m", "hello"), "http://"),
        (("run", ""), "prompt"),
        (("chat", "--model", "nowhere"), "nowhere"),
        (("demo", "--model", "nowhere", "--plain"), "nowhere"),
        (("schema", "nofile.json", "--documents", "nofolder"), "no"),
    ):
        ran = run([sys.executable, "-X", "importtime", *agentfast(*arguments)[1:]], environment())
        said = "\n".join(line for _, line in ran.errors if not line.startswith("import time:"))
        expect(ran.code in (1, USAGE) and "Traceback" not in said, f"{arguments}: code {ran.code}, {said!r}")
        expect_words(said, words)
        loaded = [line for _, line in ran.errors if line.rpartition("|")[2].strip() == "torch"]
        expect(not loaded, f"{' '.join(arguments)}: torch was loaded, then {said!r}")


def large_schema() -> str:
    """A schema of more than a megabyte, whose parts are all different."""
    fields = {
        f"field_{i}": {
            "type": "object",
            "description": "one of very many fields " * 20,
            "properties": {f"part_{i}_{j}": {"enum": [f"{i}-{j}-{k}" for k in range(6)]} for j in range(6)},
        }
        for i in range(2500)
    }
    return json.dumps({"type": "object", "properties": fields})


@item
def progress() -> None:
    """A schema of megabytes says on standard error how far it is, instead of nothing for a minute."""
    file = new_folder("schema") / "large.json"
    file.write_text(large_schema())
    with started(agentfast("schema", str(file))) as program:
        assert program.stderr is not None
        line = program.stderr.readline()
    expect(re.search(r"\d+ s\b", line), f"{line!r}")


@item
def proposed_questions() -> None:
    """The questions that `agentfast run --help` proposes have answers, and none of them is "None."."""
    helped = run(agentfast("run", "--help"), environment()).output
    lines = [shlex.split(line) for line in re.findall(r"^ +agentfast (run .*)$", helped, re.MULTILINE)]
    proposed = [words for words in lines if "--agent" not in words and "--url" not in words]
    expect(proposed, f"no questions in {helped!r}")
    for words in proposed:
        ran = run(agentfast(*words), environment())
        expect(ran.code == 0 and ran.output.strip() not in ("", "None."), f"{words}: {ran}")
