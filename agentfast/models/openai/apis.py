"""The two APIs of servers, each with its path and its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from agentfast.models.base import ModelRequest, ModelResponse
from agentfast.models.openai.chat.assemble import ChatAssembler
from agentfast.models.openai.chat.decode import decode_completion
from agentfast.models.openai.chat.encode import encode_chat
from agentfast.models.openai.http.endpoint import PATHS
from agentfast.models.openai.responses.assemble import ResponseAssembler
from agentfast.models.openai.responses.decode import decode_response
from agentfast.models.openai.responses.encode import encode_response_request

ApiName = Literal["chat", "responses"]


class Assembler(Protocol):
    """Puts the chunks of a streamed answer together; takes an answer that comes in one piece all the same."""

    def add(self, chunk: Any) -> str:
        """Take the next chunk, and return the text that it adds."""
        ...

    def body(self) -> Any:
        """The answer in one piece."""
        ...


class Encode(Protocol):
    """Writes a request's body, without the model's name."""

    def __call__(self, request: ModelRequest, *, strict: bool, token_limit_field: str) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class Api:
    """An API of a server.

    Attributes:
        path: below the base URL.
        streaming: members of a body that ask for a stream.
        encode: writes a request.
        assembler: makes an assembler for a stream.
        decode: reads the turn out of an answer to a request.
    """

    path: str
    streaming: Mapping[str, Any]
    encode: Encode
    assembler: Callable[[], Assembler]
    decode: Callable[[Any, ModelRequest], ModelResponse]

    def assemble(self, chunks: Sequence[Any]) -> Any:
        """The answer that the chunks make up.

        Raises:
            ModelError: one holds what is not text, or the last ones are missing.
        """
        assembler = self.assembler()
        for chunk in chunks:
            assembler.add(chunk)
        return assembler.body()


APIS: Final[Mapping[str, Api]] = {
    "chat": Api(
        PATHS["chat"],
        {"stream": True, "stream_options": {"include_usage": True}},
        encode_chat,
        ChatAssembler,
        decode_completion,
    ),
    "responses": Api(
        PATHS["responses"], {"stream": True}, encode_response_request, ResponseAssembler, decode_response
    ),
}
