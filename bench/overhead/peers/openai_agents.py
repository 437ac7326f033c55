"""The agent in openai-agents, with tracing off: by default it is sent to OpenAI."""

from __future__ import annotations

import json

from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage, function_tool
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from bench.overhead.workload import ANSWER, PROMPT, Run, Wait, arguments_of, call_id, quote, turn_after


class InstantModel(Model):
    """Calls the tool in each turn but the last, which answers."""

    def __init__(self, turns: int, calls: int, wait: Wait) -> None:
        self._wait = wait
        self._turns = [
            [(json.dumps(arguments_of(turn, index)), call_id(turn, index)) for index in range(calls)]
            for turn in range(turns - 1)
        ]

    async def get_response(self, system_instructions, input, *args, **kwargs):
        await self._wait()
        last = input[-1] if isinstance(input, list) else {}
        turn = turn_after(last.get("call_id"))
        if turn == len(self._turns):
            text = ResponseOutputText(annotations=[], text=ANSWER, type="output_text")
            said = ResponseOutputMessage(
                id="msg", content=[text], role="assistant", status="completed", type="message"
            )
            return ModelResponse(output=[said], usage=Usage(), response_id=None)
        calls = [
            ResponseFunctionToolCall(name="quote", arguments=arguments, call_id=made, type="function_call")
            for arguments, made in self._turns[turn]
        ]
        return ModelResponse(output=calls, usage=Usage(), response_id=None)

    def stream_response(self, *args, **kwargs):
        raise NotImplementedError


def agent_of(turns: int, calls: int, wait: Wait) -> Run:
    """An agent whose model calls the tool so many times in each turn but the last."""
    agent = Agent("agent", model=InstantModel(turns, calls, wait), tools=[function_tool(quote)])
    config = RunConfig(tracing_disabled=True)

    async def run() -> str:
        return (await Runner.run(agent, PROMPT, max_turns=turns, run_config=config)).final_output

    return run
