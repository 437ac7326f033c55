"""Gold calls replayed at a chosen speed through the same agents: the effect of a model's speed alone on task latency.

A replayed turn takes the time that its tokens take at that speed. Reading the prompt is not counted, and by default a
request's speed does not depend on what else runs, as if batching were free. On a shared device the speed is divided among
the requests under way, as if batching gained nothing. Real devices lie between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sized

from agentfast.chat.base import ChatFormat
from agentfast.cli.bench.oracle.paces import Device, Pace
from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, assistant_turns
from agentfast.models.base import ModelRequest, ModelResponse, ModelUsage, PlainModel
from agentfast.nano.tasks.gold import Solution

Encode = Callable[[str], Sized]
"""Tokenizer: a text to its tokens."""


class OracleModel(PlainModel):
    """Answers each request of one task with its gold turn, after the time that its tokens take.

    Attributes:
        device_s: seconds that the device took for it up to now.
    """

    def __init__(
        self, solution: Solution, pace: Pace, device: Device, chat: ChatFormat, encode: Encode
    ) -> None:
        turns = [AssistantMessage(calls=turn.calls) for turn in solution.turns]
        turns.append(AssistantMessage(solution.answer.text))
        self._turns = [(message, token_count(message, chat, encode)) for message in turns]
        self._pace = pace
        self._device = device
        self.device_s = 0.0

    @property
    def name(self) -> str:
        return f"oracle at {self._pace.text}"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The turn of the solution.

        Raises:
            ModelError: the solution has no such turn.
        """
        turn = assistant_turns(request.messages)
        if turn >= len(self._turns):
            raise ModelError(f"the solution has {len(self._turns)} turns, and another is asked for")
        message, tokens = self._turns[turn]
        self.device_s += await self._device.work(self._pace.seconds(tokens))
        return ModelResponse(message, ModelUsage(generated_tokens=tokens))


def token_count(message: AssistantMessage, chat: ChatFormat, encode: Encode) -> int:
    """Tokens that the turn takes to generate, its end token included; a special token of the chat format is one."""
    turn = sum(1 if special else len(encode(text)) for special, text in chat.render([message], 0, (), None))
    return turn - len(list(chat.open_turn(())))
