"""Gold solutions: a scenario's calls are executed on a shop, and their results are those that the model reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from agentfast.messages import ToolCall
from agentfast.nano.tasks.scenarios.base import Answer, Script, joint


@dataclass(frozen=True, slots=True)
class Turn:
    """Calls made together, and their results in the same order."""

    calls: tuple[ToolCall, ...]
    results: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Solution:
    """The gold calls of a request with their results, and the gold answer."""

    turns: tuple[Turn, ...]
    answer: Answer

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """All calls in order."""
        return tuple(call for turn in self.turns for call in turn.calls)


def error_of(results: tuple[Any, ...]) -> str | None:
    """The sentence of the first result that is an error."""
    for result in results:
        if isinstance(result, Mapping) and "error" in result:
            return str(cast("Mapping[str, object]", result)["error"])
    return None


def error_answer(sentence: str) -> Answer:
    """The answer that passes an error on."""
    return Answer(sentence, (sentence.rstrip("."),))


def play(script: Script, functions: Mapping[str, Callable[..., Any]]) -> Solution:
    """Run a script to its end, or to the first error, which then is the answer."""
    turns: list[Turn] = []
    try:
        calls = next(script)
        while True:
            results = tuple(functions[call.name](**call.arguments) for call in calls)
            turns.append(Turn(tuple(calls), results))
            sentence = error_of(results)
            if sentence is not None:
                return Solution(tuple(turns), error_answer(sentence))
            calls = script.send(list(results))
    except StopIteration as stop:
        return Solution(tuple(turns), stop.value)


def together(first: Solution, second: Solution) -> Solution:
    """Two one-turn solutions as one turn with the calls of both."""
    calls = first.calls + second.calls
    results = first.turns[0].results + second.turns[0].results
    sentence = error_of(results)
    if sentence is not None:
        return Solution((Turn(calls, results),), error_answer(sentence))
    return Solution((Turn(calls, results),), joint(first.answer, second.answer))
