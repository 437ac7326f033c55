"""Starting: the first answer, later ones, and what damages of caches, weights and processes come to."""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import Final

from agentfast import LocalModel, nano
from agentfast.runtime.jit.kernel_folder import kernel_folder
from bench.first_hour.items import Figures, expect, expect_words, item, refusal
from bench.first_hour.programs import Ran, agentfast, environment, new_folder, python, run

LOADING: Final = "loading"
ANSWER: Final = '''
import sys
from agentfast import Agent, nano, tool

@tool
def get_order(id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": "shipped", "date": "2026-03-14"}

print("loading", file=sys.stderr, flush=True)
agent = Agent(nano.load(), tools=[get_order], instructions="You run the order desk.")
print(agent.run_sync("What is the status of order 1042?").output)
'''
"""The README's first agent, which says on standard error when it calls `nano.load`."""
WARM_STARTS: Final = 3


def answer(home: Path, **more: str) -> Ran:
    """The first agent, with this home; it has to answer."""
    ran = run(python(ANSWER), environment(home, **more))
    expect(ran.code == 0 and "shipped" in ran.output, ran)
    return ran


@cache
def warm_home() -> Path:
    """A home in which everything is compiled."""
    home = new_folder("warm")
    ran = run(agentfast("warm"), environment(home))
    expect(ran.code == 0, f"`agentfast warm`: {ran}")
    return home


def kernels(home: Path, suffix: str) -> list[Path]:
    """The files of compiled kernels in a home."""
    found = sorted((home / ".cache" / "agentfast").rglob(f"*{suffix}"))
    expect(found, f"no {suffix} files in {home / '.cache' / 'agentfast'}")
    return found


@item
def first_answer() -> Figures:
    """After an installation the first answer comes at once, after a line that says what is compiled, how long it takes
    and where it is kept."""
    home = new_folder("fresh")
    ran = answer(home)
    said = [(second, line) for second, line in ran.errors if line.startswith("agentfast:")]
    expect(said, ran)
    second, line = said[0]
    expect_words(line, "compil", "minute", str(home / ".cache" / "agentfast"))
    kernels(home, ".nbc")
    loading = next(second for second, line in ran.errors if line == LOADING)
    return {
        "first_answer_s": ran.seconds,
        "first_answer_cpu_s": ran.cpu_s,
        "first_line_s": second - loading,
    }


@item
def warm_command() -> None:
    """`agentfast warm` compiles everything; the next start has nothing to say."""
    ran = answer(warm_home())
    expect(ran.error_text == LOADING, ran)


@item
def warm_start() -> Figures:
    """With everything cached the first agent answers in seconds."""
    starts = [answer(warm_home()) for _ in range(WARM_STARTS)]
    return {
        "warm_start_s": min(ran.seconds for ran in starts),
        "warm_start_cpu_s": min(ran.cpu_s for ran in starts),
    }


@item
def no_cache_folder() -> None:
    """Where no cache folder can be written there is an answer, and a line that names the folder and the way out."""
    home = new_folder("unwritable")
    (home / ".cache").write_text("a file, where a folder is wanted")
    ran = answer(home)
    expect_words(
        ran.error_text, "again at every start", str(home / ".cache"), "cannot be written", "AGENTFAST_CACHE"
    )


def damaged(suffix: str) -> None:
    """Kernels that were cut short are said to be damaged, and there is an answer."""
    home = new_folder("damaged") / "home"
    shutil.copytree(warm_home(), home)
    for path in kernels(home, suffix):
        path.write_bytes(path.read_bytes()[:100])
    expect_words(answer(home).error_text, "damaged", "compiled anew")


@item
def damaged_index() -> None:
    """Kernel indexes (.nbi) that were cut short are said to be damaged, and there is an answer."""
    damaged(".nbi")


@item
def damaged_code() -> None:
    """Kernels (.nbc) that were cut short are said to be damaged, and there is an answer."""
    damaged(".nbc")


GRAMMAR: Final = """
from bench.first_hour.models import embedded
from bench.first_hour.schemas import turn_grammar
print(turn_grammar(8).compile(embedded().engine.tokenizer.vocabulary).state_count)
"""
"""A grammar that takes long enough to be kept on disk."""


@item
def damaged_grammars() -> None:
    """Compiled grammars on disk that were cut short are compiled anew, to the same grammar, and kept again."""
    cache = new_folder("grammars")
    env = environment(AGENTFAST_CACHE=str(cache), NUMBA_CACHE_DIR=str(new_folder("kernels")))
    (Path(env["NUMBA_CACHE_DIR"]) / "agentfast").symlink_to(kernel_folder().path.parent)
    before = run(python(GRAMMAR), env)
    files = list(cache.rglob("*.grammar"))
    expect(before.code == 0 and files, (before, files))
    sizes = {path: path.stat().st_size for path in files}
    for path in files:
        path.write_bytes(path.read_bytes()[:100])
    after = run(python(GRAMMAR), env)
    expect(after.code == 0 and after.output == before.output, (before, after))
    expect({path: path.stat().st_size for path in files} == sizes, "the cut files, as they were")


@item
def flipped_byte() -> None:
    """Weights with one byte changed are refused by the name of their file."""
    weights = new_folder("weights") / "weights"
    shutil.copytree(nano.WEIGHTS.parent, weights)
    path = weights / "diffusion" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    error = refusal(lambda: LocalModel.from_checkpoint(path.parent), "model.safetensors")
    expect(type(error).__name__ == "CheckpointError", error)


FORK: Final = """
import os
from agentfast import Agent, EngineError, nano
agent = Agent(nano.load(), instructions="You run the order desk.")
agent.run_sync("Hello")
child = os.fork()
if not child:
    try:
        agent.run_sync("Hello")
    except EngineError as error:
        print(error, flush=True)
    os._exit(0)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(agent.run_sync("Hello").output != "")
"""


@item
def fork() -> None:
    """A model that was loaded before a fork says in the child to load it after, and goes on in the parent."""
    ran = run(python(FORK), environment())
    expect(ran.output.splitlines()[-2:] == ["0", "True"], ran)
    expect_words(ran.output, "after the fork")


DEAD: Final = """
import asyncio, ctypes, threading
from agentfast import Agent, EngineError, nano

class Killed(BaseException):
    pass

async def main():
    agent = Agent(nano.load(), instructions="You run the order desk.")
    await agent.run("Hello")
    runs = [asyncio.create_task(agent.run(f"What is the status of order {i}?")) for i in range(400)]
    await asyncio.sleep(0.1)
    (engine,) = (thread for thread in threading.enumerate() if thread.name == "agentfast-engine")
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(engine.ident), ctypes.py_object(Killed))
    ends = await asyncio.gather(*runs, return_exceptions=True)
    print(sorted({type(end).__name__ for end in ends} - {"RunResult"}))
    try:
        await agent.run("Hello")
    except EngineError as error:
        print(error)

asyncio.run(main())
"""


@item
def dead_thread() -> None:
    """A step thread that dies fails every waiting call and every later one with an error that says of what."""
    ran = run(python(DEAD), environment())
    expect(ran.code == 0 and ran.output.splitlines()[:1] == ["['EngineError']"], ran)
    expect_words(ran.output, "died", "Killed")
