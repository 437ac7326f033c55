"""Ctrl-C while sync tools sleep in their threads: the program ends, and does not wait for them."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = '''
import asyncio, os, threading
from agentfast import Agent, ScriptedModel, ToolCall, tool

@tool
def sleep() -> int:
    """Sleeps."""
    os.write(1, b"asleep\\n")  # at once, as other threads write as well
    threading.Event().wait(600)
    return 1

agent = Agent(ScriptedModel([[ToolCall("sleep", {{}})], "Done."]), tools=[sleep])
{run}
'''
RUNS = {
    "map": 'asyncio.run(agent.map(["go"] * 200))',
    "run_sync": 'agent.run_sync("go")',
}


@pytest.mark.parametrize("run", RUNS)
def test_ctrl_c_ends_a_program_whose_tools_sleep(run: str) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(run=RUNS[run])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with program:
        assert program.stdout is not None
        assert program.stdout.readline() == "asleep\n"
        program.send_signal(signal.SIGINT)
        try:
            _, errors = program.communicate(timeout=60)
        finally:
            program.kill()
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert program.returncode in (-signal.SIGINT, 130)


def test_a_program_does_not_wait_for_a_tool_that_timed_out() -> None:
    run = 'agent = Agent(agent.model, tools=[tool(sleep.function, timeout=0.01)])\nprint(agent.run_sync("go").output)'
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(run=run)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["asleep", "Done."]
