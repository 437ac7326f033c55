"""Gold calls replayed: what the oracle says, and what its turns cost."""

from __future__ import annotations

import threading

import pytest

from agentfast import Agent, ModelError, nano
from agentfast.chat.json import JsonChat
from agentfast.cli.bench.oracle.experiment import Meter
from agentfast.cli.bench.oracle.model import OracleModel, token_count
from agentfast.cli.bench.oracle.paces import IndependentDevice, Pace
from agentfast.messages import AssistantMessage, Message, ToolCall, UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.local.rendering import SegmentCodec
from agentfast.nano.tasks import generate_tasks
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.model.checkpoint.files import tokenizer_file
from agentfast.tools.definition import tool


async def test_an_agent_with_an_oracle_does_what_the_solution_says() -> None:
    for task in generate_tasks(1, 6):
        model = OracleModel(task.solution, Pace.parse("1e6"), IndependentDevice(), JsonChat(), str.encode)
        result = await Agent(model, tools=task.tools, instructions=task.instructions).run(task.prompt)
        calls = [call for step in result.steps for call in step.message.calls]
        assert task.check(result.output, calls)
        assert model.device_s == pytest.approx(result.usage.generated_tokens / 1e6)


async def test_a_turn_after_the_last_is_an_error() -> None:
    task = generate_tasks(1, 1)[0]
    model = OracleModel(task.solution, Pace.parse("1e6"), IndependentDevice(), JsonChat(), str.encode)
    said: list[Message] = [AssistantMessage("x")] * (len(task.solution.turns) + 1)
    with pytest.raises(ModelError, match="another is asked for"):
        await model.respond(ModelRequest([UserMessage("Hello."), *said]))


def test_tokens_are_those_that_the_embedded_model_would_write() -> None:
    tokenizer = Tokenizer.from_file(tokenizer_file(nano.WEIGHTS), [1])
    codec, chat = SegmentCodec(tokenizer), JsonChat()
    calls = (ToolCall("get_order", {"id": 1042}), ToolCall("get_order", {"id": 7}))
    for message in (AssistantMessage("It is shipped."), AssistantMessage(calls=calls), AssistantMessage()):
        written = codec.encode([*chat.render([message], 0, (), None)])[1:]  # the turn's opening is given
        assert token_count(message, chat, tokenizer.encode) == len(written)


async def test_the_meter_counts_the_time_of_tools_that_run_at_once_only_once() -> None:
    meter, together = Meter(), threading.Barrier(2)

    @tool
    def meet() -> int:
        together.wait(60)
        return 1

    @tool
    async def count() -> int:
        return 2

    metered = meter.metered(meet)
    threads = [threading.Thread(target=metered.function) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sync_s = meter.seconds
    assert sync_s > 0
    assert await meter.metered(count).function() == 2
    assert meter.seconds > sync_s
