"""Gold calls replayed at a chosen speed, through the same agents: what a model's speed alone does to task latency.

A replayed turn takes the time that its tokens take at that speed. Reading the prompt is not counted, and by default a
request's speed does not depend on what else runs, as if batching were free. On a shared device the speed is divided among
the requests under way, as if batching gained nothing. Real devices lie between the two.
"""

from __future__ import annotations

from agentfast.bench.devices import Device, Pace
from agentfast.chat.base import ChatFormat
from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, assistant_turns
from agentfast.models.base import ModelRequest, ModelResponse, ModelUsage, PlainModel
from agentfast.models.rendering import SegmentCodec
from agentfast.nano.world.play import Solution


class OracleModel(PlainModel):
    """Answers each request of one task rightly, in the time that the tokens take.

    Attributes:
        device_s: seconds that the device took for it up to now.
    """

    def __init__(
        self, solution: Solution, pace: Pace, device: Device, chat: ChatFormat, codec: SegmentCodec
    ) -> None:
        self._solution = solution
        self._pace = pace
        self._device = device
        self._chat = chat
        self._codec = codec
        self.device_s = 0.0

    @property
    def name(self) -> str:
        return f"oracle at {self._pace.text}"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The turn of the solution.

        Raises:
            ModelError: the solution has no such turn.
        """
        message = self._message(assistant_turns(request.messages))
        tokens = self.tokens(message)
        self.device_s += await self._device.work(self._pace.seconds(tokens))
        return ModelResponse(message, ModelUsage(generated_tokens=tokens))

    def tokens(self, message: AssistantMessage) -> int:
        """That the turn takes to generate, its end token included."""
        rendered = len(self._codec.encode(self._chat.render([message], 0, (), None)))
        return rendered - len(self._codec.encode(self._chat.open_turn(())))

    def _message(self, turn: int) -> AssistantMessage:
        turns = self._solution.turns
        if turn > len(turns):
            raise ModelError(f"the solution has {len(turns) + 1} turns, and a turn {turn + 1} is asked for")
        if turn == len(turns):
            return AssistantMessage(self._solution.answer.text)
        return AssistantMessage(calls=turns[turn].calls)
