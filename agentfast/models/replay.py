"""Recording a model's exchanges to a file of JSON lines, and a model that answers from such a file."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from agentfast.errors import ConfigError, ModelError
from agentfast.models.base import (
    CanvasState,
    Model,
    ModelEvent,
    ModelRequest,
    ModelResponse,
    PlainModel,
    SettledCalls,
    TextChunk,
    check_model,
)
from agentfast.models.composed.parts import ComposedModel, open_stream
from agentfast.models.recording import (
    decode_event,
    decode_response,
    encode_event,
    encode_request,
    encode_response,
)
from agentfast.tools.checks import check_text, refuse

_Answer = tuple[ModelResponse, tuple[CanvasState | TextChunk, ...]]
"""A response, and the events before it."""


class RecordingModel(ComposedModel):
    """Passes requests on to another model and appends each exchange to a file, one JSON object per line."""

    def __init__(self, model: Model, path: str | Path) -> None:
        """Take the model and the file, which is made if it is not there.

        Raises:
            ConfigError: `model` is no model, or the file's folder is not there.
        """
        check_model("model", model)
        super().__init__((model,), model.name)
        self._model = model
        self._path = _path(path)
        if not self._path.parent.is_dir():
            raise ConfigError(f"cannot record to {self._path}: there is no folder {self._path.parent}")

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The model's answer, recorded. Failures are not recorded.

        Raises:
            ModelError: the file cannot be written.
        """
        asked = encode_request(request)  # before the answer: the run appends to its messages afterwards
        response = await self._model.respond(request)
        self._append(asked, response)
        return response

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The model's events, which are recorded with its answer. Raises as `respond`."""
        asked = encode_request(request)
        shown: list[CanvasState | TextChunk] = []
        async with open_stream(self._model, request) as events:
            async for event in events:
                if isinstance(event, ModelResponse):
                    self._append(asked, event, shown)
                elif not isinstance(event, SettledCalls):
                    shown.append(event)
                yield event

    def _append(
        self,
        asked: Mapping[str, Any],
        response: ModelResponse,
        shown: Sequence[CanvasState | TextChunk] = (),
    ) -> None:
        exchange: dict[str, Any] = {"request": asked, "response": encode_response(response)}
        if shown:
            exchange["events"] = [encode_event(event) for event in shown]
        line = _canonical(exchange)
        try:
            # A lone surrogate is written as the JSON escape that it can only be, and read back as itself.
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(line + "\n")
        except OSError as error:
            raise ModelError(f"cannot record to {self._path}: {error}") from error


class ReplayModel(PlainModel):
    """Answers from a recording, whatever the order and concurrency of the requests.

    A request that was recorded several times is answered in the order of the recording. The treatment of doubtful calls
    that the recorded model asks for, as the embedded one does, is not in the file: give it to the agent, `doubt=Doubt(...)`.
    """

    def __init__(self, path: str | Path, *, name: str = "replay") -> None:
        """Read the recording.

        Raises:
            ConfigError: there is no such file, or a line of it is not an exchange.
        """
        check_text("name", name)
        self._path = _path(path)
        self._name = name
        self._requests: list[dict[str, Any]] = []
        self._responses: dict[str, deque[_Answer]] = defaultdict(deque)
        try:
            # Only at line feeds: a JSON string may hold what str.splitlines takes for the end of a line.
            lines = self._path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read the recording {self._path}: {error}") from error
        for number, line in enumerate(lines if lines != [""] else [], 1):
            self._load(line, number)

    @property
    def name(self) -> str:
        return self._name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The recorded answer to exactly this request.

        Raises:
            ModelError: there is none, or all of them were given; the message says where the closest one differs.
        """
        return self._next(request)[0]

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The events that were recorded before the answer, such as canvases, and the answer. Raises as `respond`."""
        response, shown = self._next(request)
        for event in shown:
            yield event
        yield response

    def _next(self, request: ModelRequest) -> _Answer:
        asked = json.loads(_canonical(encode_request(request)))
        responses = self._responses.get(_canonical(asked))
        if responses is None:
            raise ModelError(f"{self._path} has no answer to this request; {self._closest(asked)}")
        if not responses:
            raise ModelError(f"all answers to this request in {self._path} were given already")
        return responses.popleft()

    def _load(self, line: str, number: int) -> None:
        try:
            exchange = json.loads(line)
            response = decode_response(exchange["response"])
            shown = tuple(decode_event(event) for event in exchange.get("events", ()))
            request = exchange["request"]
        except (ValueError, KeyError, TypeError, ModelError) as error:
            raise ConfigError(f"{self._path}, line {number}, is not a recorded exchange: {error}") from error
        self._requests.append(request)
        self._responses[_canonical(request)].append((response, shown))

    def _closest(self, asked: dict[str, Any]) -> str:
        """Report the first difference from the recorded request with the fewest differences."""
        if not self._requests:
            return "it is empty"
        number, differences = min(
            (
                (number, list(_differences(request, asked, "")))
                for number, request in enumerate(self._requests, 1)
            ),
            key=lambda item: len(item[1]),
        )
        return f"the closest, in line {number}, differs at {differences[0]}"


def _path(path: object) -> Path:
    if not isinstance(path, (str, Path)):
        refuse("path", path, "the path of a file")
    return Path(path)


def _canonical(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _differences(recorded: object, asked: object, path: str) -> Iterator[str]:
    """Places where two JSON values differ, each with both values."""
    if isinstance(recorded, dict) and isinstance(asked, dict):
        left, right = cast("dict[str, object]", recorded), cast("dict[str, object]", asked)
        for key in sorted(left.keys() | right.keys()):
            yield from _differences(left.get(key), right.get(key), f"{path}.{key}" if path else key)
    elif isinstance(recorded, list) and isinstance(asked, list):
        ours, theirs = cast("list[object]", recorded), cast("list[object]", asked)
        for index in range(max(len(ours), len(theirs))):
            one = ours[index] if index < len(ours) else None
            other = theirs[index] if index < len(theirs) else None
            yield from _differences(one, other, f"{path}[{index}]")
    elif recorded != asked:
        yield f"{path}: recorded {recorded!s}, asked {asked!s}"
