"""Sessions of several processes in one file, and of processes that are killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from agentfast import Agent, ScriptedModel, Session, UserMessage, nano
from agentfast.agent.history.read import read_history
from agentfast.models.local.rendering import SegmentCodec

ROOT = Path(__file__).parents[3]
CHAT = """
import sys
from agentfast import Agent, ScriptedModel, Session
session = Session(sys.argv[1], id=sys.argv[2])
agent = Agent(ScriptedModel(lambda messages: f"answer {len(messages)}"))
print("ready", flush=True)
sys.stdin.readline()
for number in range(20):
    agent.run_sync(f"prompt {number}", session=session)
"""
RACE = """
import sys
from agentfast import Agent, ScriptedModel, Session, SessionConflictError
def script(messages):
    print("ready", flush=True)
    sys.stdin.readline()
    return "answer"
try:
    Agent(ScriptedModel(script)).run_sync("prompt of " + sys.argv[2], session=Session(sys.argv[1]))
    print("kept")
except SessionConflictError as error:
    print("refused", len(error.messages))
"""


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.communicate()


def test_processes_on_sessions_of_their_own_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    processes = [start(CHAT, str(path), f"chat {number}") for number in range(3)]
    for process in processes:
        ready(process)
    for process in processes:
        _, err = process.communicate("go\n")
        assert process.returncode == 0, err
    assert Session.ids(path) == ["chat 0", "chat 1", "chat 2"]
    for name in Session.ids(path):
        prompts = [each.text for each in Session(path, id=name).messages if isinstance(each, UserMessage)]
        assert prompts == [f"prompt {number}" for number in range(20)]


def test_of_two_processes_on_one_session_the_first_to_end_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    first, second = start(RACE, str(path), "first"), start(RACE, str(path), "second")
    ready(first)
    ready(second)
    assert first.communicate("go\n")[0] == "kept\n"
    assert second.communicate("go\n")[0] == "refused 2\n"
    assert Session(path).messages[0] == UserMessage("prompt of first")


def test_a_killed_process_leaves_a_session_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    Agent(ScriptedModel(["one"])).run_sync("a", session=Session(path))
    process = start(RACE, str(path), "killed")
    ready(process)
    process.kill()
    process.communicate()
    session = Session(path)
    assert len(session.messages) == 2
    assert Agent(ScriptedModel(["one", "two"])).run_sync("b", session=session).output == "two"
    assert read_history(session.messages)[0] == session.messages


async def test_the_tokens_that_a_local_model_counts_are_those_of_its_prompt() -> None:
    async with nano.load() as model:
        agent = Agent(model, instructions="You run the order desk.")
        first = await agent.run("What is the status of order 1042?")
        second = await agent.run("And now?", history=first.messages)
        seen = second.messages[:-1]
        opening = SegmentCodec(model.engine.tokenizer).encode(model.chat.open_turn(seen))
        assert second.usage.prompt_tokens == model.count_tokens(seen) + len(opening)
