"""An agent's answer, as it comes and as it is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

import pydantic_core

from agentfast.agent.agent import Agent
from agentfast.agent.events import CallsProposed, RunFinished, ToolFinished
from agentfast.agent.result import RunResult, Step
from agentfast.messages import Message


async def answer(
    agent: Agent[None, Any],
    prompt: str,
    *,
    history: Sequence[Message] = (),
    seed: int | None = None,
    quiet: bool = False,
) -> RunResult[Any]:
    """Run the agent; unless quiet, calls and their results go to stderr as they happen."""
    async with aclosing(agent.stream(prompt, history=history, seed=seed)) as events:
        async for event in events:
            match event:
                case RunFinished(result=result):
                    return result
                case CallsProposed(calls=calls) if not quiet:
                    for call in calls:
                        arguments = json.dumps(call.arguments, ensure_ascii=False)
                        print(f"-> {call.name} {arguments}", file=sys.stderr)
                case ToolFinished(result=outcome) if not quiet:
                    print(f"<- {outcome.content}", file=sys.stderr)
                case _:
                    pass
    raise AssertionError("a stream ends with RunFinished or raises")


def output_text(output: object, *, as_json: bool = False) -> str:
    """An output for people: text as it is, unless JSON was asked for, any other value as JSON."""
    return output if isinstance(output, str) and not as_json else _json(output)


def result_line(result: RunResult[Any]) -> str:
    """Output, steps, usage and seconds as one line of JSON."""
    return _json(
        {
            "output": result.output,
            "steps": [_step(step) for step in result.steps],
            "usage": asdict(result.usage),
            "seconds": round(result.duration_s, 6),
        }
    )


def _step(step: Step) -> dict[str, Any]:
    outcomes = {outcome.call_id: outcome for outcome in step.results}
    calls: list[dict[str, Any]] = []
    for call in step.message.calls:
        outcome = outcomes.get(call.id)
        calls.append(
            {
                "id": call.id,
                "name": call.name,
                "arguments": call.arguments,
                "result": None if outcome is None else json.loads(outcome.content),
                "is_error": outcome is not None and outcome.is_error,
            }
        )
    return {
        "text": step.message.text,
        "calls": calls,
        "model_s": round(step.model_s, 6),
        "tools_s": round(step.tools_s, 6),
    }


def _json(value: object) -> str:
    return pydantic_core.to_json(value, inf_nan_mode="null", fallback=str).decode()
