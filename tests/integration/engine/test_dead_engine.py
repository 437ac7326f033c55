"""An engine whose thread has died, or was left behind by a fork, says so at once and to everybody."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from agentfast.errors import EngineError
from agentfast.runtime.engine.engine import Engine
from agentfast.runtime.scheduling.request import Request
from tests.support.byte_tokenizer import byte_tokenizer
from tests.support.engine_kit import CONFIG, small_model


class Killed(BaseException):
    """Nothing that a step guards against."""


class KilledInAStep(Engine):
    """Dies in its second step."""

    steps = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == 2:
            raise Killed("by a signal")
        super().step()


async def test_everybody_who_waits_and_everybody_who_comes_later_hears_that_the_thread_died() -> None:
    engine = KilledInAStep(small_model(), byte_tokenizer(), CONFIG)
    requests = [Request(tuple(range(9)), max_tokens=64, seed=seed) for seed in range(4)]
    ends = await asyncio.gather(*map(engine.submit, requests), return_exceptions=True)
    for end in ends:
        assert isinstance(end, EngineError)
        assert "died of Killed: by a signal" in str(end)
    with pytest.raises(EngineError, match="died of Killed"):
        await engine.submit(requests[0])
    with pytest.raises(EngineError, match="died of Killed"):
        async for _ in engine.stream(requests[0]):
            pass
    await engine.aclose()


FORKED = """
import asyncio
import os
import sys

from agentfast import Agent, EngineError, nano

agent = Agent(nano.load(), instructions="You run the order desk.")
agent.run_sync("Hello")
child = os.fork()
if not child:
    try:
        agent.run_sync("Hello")
    except EngineError as error:
        asyncio.run(agent.model.aclose())
        os._exit(0 if "after the fork" in str(error) else 1)
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), agent.run_sync("Hello").output != "")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="it has no fork")
def test_a_model_that_was_loaded_before_a_fork_says_to_load_it_after() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], check=True, capture_output=True, text=True)
    assert done.stdout == "0 True\n"
