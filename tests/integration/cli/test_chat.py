"""`agentfast chat` at a terminal: commands, and Ctrl-C at the prompt and during an answer."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import pytest

from agentfast.cli.process.exits import Exit

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals here", allow_module_level=True)

import pty

BOUND_S = 60.0


class Terminal:
    """A process of Python at a terminal of its own: typed to, read from, and interrupted."""

    def __init__(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.output = ""
        self._closed = False
        self._mark = 0
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
            os.chdir(cwd or Path.cwd())
            os.execve(
                sys.executable,
                [sys.executable, *arguments],
                {**os.environ, "TERM": "xterm", "PYTHONPATH": os.pathsep.join(sys.path), **(env or {})},
            )

    def type(self, text: str) -> None:
        """Type text; "\\x03" is Ctrl-C."""
        os.write(self._fd, text.encode())

    def wait_for(self, text: str) -> str:
        """Wait until a text is written, and return all that was since the last wait."""
        end = monotonic() + BOUND_S
        while (at := self.output.find(text, self._mark)) < 0:
            self._read(end - monotonic())
            if self._closed or monotonic() > end:
                raise AssertionError(f"{text!r} was not written, but {self.output[self._mark :]!r}")
        start, self._mark = self._mark, at + len(text)
        return self.output[start : self._mark]

    def interrupt(self) -> int:
        """Press Ctrl-C until the process ends, as one key may come before the prompt is being read; the exit code."""
        end = monotonic() + BOUND_S
        while not self._closed and monotonic() < end:
            self.type("\x03")
            self._read_to_end(1.0)
        return self.exit_code()

    def exit_code(self) -> int:
        """Read to the end, and wait for the process; one that does not end is killed."""
        self._read_to_end(BOUND_S)
        if not self._closed:
            os.kill(self._pid, signal.SIGKILL)
        os.close(self._fd)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read_to_end(self, seconds: float) -> None:
        end = monotonic() + seconds
        while not self._closed and monotonic() < end:
            self._read(end - monotonic())

    def _read(self, seconds: float) -> None:
        """Read what comes in that time."""
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # the other side is closed
            data = b""
        self._closed = not data
        self.output += data.decode("utf-8", "replace").replace("\r\n", "\n")


AGENT = '''
import threading

from agentfast import Agent, ModelError, ScriptedModel, ToolCall, UserMessage, tool


@tool
def wait() -> int:
    """Waits."""
    print("waiting", flush=True)
    threading.Event().wait(600)
    return 1


def answer(messages):
    prompts = [message.text for message in messages if isinstance(message, UserMessage)]
    if prompts[-1] == "wait":
        return [ToolCall("wait", {})]
    if prompts[-1] == "fail":
        raise ModelError("the model is tired")
    return f"prompts: {prompts}"


agent = Agent(ScriptedModel(answer), tools=[wait])
'''


@pytest.fixture
def chat(tmp_path: Path) -> Terminal:
    (tmp_path / "mine.py").write_text(AGENT)
    terminal = Terminal("-m", "agentfast", "chat", "--agent", "mine:agent", cwd=tmp_path)
    greeting = terminal.wait_for("> ")
    assert "Tools: wait." in greeting
    return terminal


def say(chat: Terminal, text: str) -> str:
    chat.type(text + "\n")
    chat.wait_for(text + "\n")  # the echo
    return chat.wait_for("\n> ")


def test_the_conversation_goes_on_until_it_is_reset(chat: Terminal) -> None:
    assert "prompts: ['one']" in say(chat, "one")
    assert "prompts: ['one', '/two']" in say(chat, "//two")
    assert "agentfast: the model is tired" in say(chat, "fail")
    assert "prompts: ['one', '/two', 'three']" in say(chat, "three")
    assert "begins anew" in say(chat, "/reset")
    assert "prompts: ['four']" in say(chat, "four")
    assert "there is no command /nope (commands are /help, /reset and /quit" in say(chat, "/nope")
    assert "/reset  forgets the conversation" in say(chat, "/help")
    chat.type("/quit\n")
    assert chat.exit_code() == Exit.OK


@pytest.mark.parametrize("keys", ["/exit\n", "\x04"])
def test_the_end_of_the_input_ends_the_chat(chat: Terminal, keys: str) -> None:
    chat.type(keys)
    assert chat.exit_code() == Exit.OK


def test_ctrl_c_at_the_prompt_ends_the_chat(chat: Terminal) -> None:
    assert chat.interrupt() == Exit.INTERRUPTED
    assert chat.output.endswith("\nagentfast: interrupted\n")
    assert "Traceback" not in chat.output


def test_ctrl_c_during_an_answer_stops_the_answer_and_keeps_the_conversation(chat: Terminal) -> None:
    say(chat, "one")
    chat.type("wait\n")
    chat.wait_for("waiting\n")
    chat.type("\x03")
    assert "stopped; the turn is forgotten" in chat.wait_for("\n> ")
    assert "prompts: ['one', 'two']" in say(chat, "two")
    assert chat.interrupt() == Exit.INTERRUPTED  # though the tool's thread still sleeps
