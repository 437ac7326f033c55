"""A model's response: whatever a model does, a run gets a turn that can stand in a conversation, or a typed error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from agentfast.agent.events import CanvasUpdate, RunEvent, TextDelta
from agentfast.agent.history.read import to_json
from agentfast.errors import AgentFastError, CapacityError, ModelError, ModelFaultError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage
from agentfast.models.base import CanvasState, Model, ModelRequest, ModelResponse, SettledCalls, TextChunk
from agentfast.tools.checks import shown
from agentfast.tools.schema.strict_json import is_json_object
from agentfast.tools.unicode import is_text, well_formed, well_formed_json

Emit = Callable[[RunEvent], None]


async def ask(
    model: Model,
    request: ModelRequest,
    step: int,
    emit: Emit | None,
    settled: Callable[[Sequence[ToolCall]], None] | None = None,
) -> ModelResponse:
    """The model's turn. `emit` gets its text and canvases as they come, `settled` its calls as they settle in the draft.

    Lone surrogates in it, which no server would take back, are replaced.

    Raises:
        CapacityError: the conversation is too long; the message names its longest part.
        ModelError: what the model gave is no turn.
        ModelFaultError: it raised something that is no AgentFastError.
        AgentFastError: any other error of the model.
    """
    try:
        if emit is None and settled is None:
            response = await model.respond(request)
        else:
            response = await _watch(model, request, step, emit or _drop, settled or _drop)
    except CapacityError as error:
        raise _naming_the_longest(error, request) from error
    except AgentFastError:
        raise
    except Exception as error:
        raise ModelFaultError(f"model {model.name!r} raised {type(error).__name__}: {error}") from error
    return _checked(model, response)


async def _watch(
    model: Model,
    request: ModelRequest,
    step: int,
    emit: Emit,
    settled: Callable[[Sequence[ToolCall]], None],
) -> ModelResponse:
    """Generate by way of the model's stream, read to its end so that it is closed here."""
    response: ModelResponse | None = None
    shown_characters = 0
    async for event in model.stream(request):
        match event:
            case CanvasState():
                emit(CanvasUpdate(step, event))
            case SettledCalls(calls):
                settled(calls)
            case TextChunk(text):
                shown_characters += len(text)
                emit(TextDelta(step, well_formed(text)))
            case _:
                response = event
    if response is None:
        raise ModelError(f"model {model.name!r} ended its stream without a response")
    if isinstance(response, ModelResponse) and (rest := response.message.text[shown_characters:]):  # pyright: ignore[reportUnnecessaryIsInstance]
        emit(TextDelta(step, well_formed(rest)))
    return response


def _drop(_: object) -> None:
    """Take what nobody asked for."""


def _checked(model: Model, response: object) -> ModelResponse:
    if not isinstance(response, ModelResponse) or not _is_turn(response.message):
        given = response.message if isinstance(response, ModelResponse) else response
        raise ModelError(f"model {model.name!r} gave {shown(given)}, which is no ModelResponse with a turn")
    message = response.message
    for call in message.calls:
        if not _is_sound(call):
            break
    else:
        if is_text(message.text):
            return response
    calls = tuple(_mended(model, call) for call in message.calls)
    return replace(response, message=replace(message, text=well_formed(message.text), calls=calls))


def _is_turn(message: object) -> bool:
    if not (isinstance(message, AssistantMessage) and isinstance(message.text, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
        return False
    calls = cast("object", message.calls)
    return calls == () or (
        isinstance(calls, (tuple, list)) and all(map(_is_call, cast("Sequence[object]", calls)))
    )


def _is_call(call: object) -> bool:
    return (
        isinstance(call, ToolCall)
        and isinstance(call.name, str)  # pyright: ignore[reportUnnecessaryIsInstance]
        and isinstance(call.id, str)  # pyright: ignore[reportUnnecessaryIsInstance]
        and isinstance(call.arguments, dict)  # pyright: ignore[reportUnnecessaryIsInstance]
    )


def _is_sound(call: ToolCall) -> bool:
    return is_text(call.name) and is_text(call.id) and is_json_object(call.arguments)


def _mended(model: Model, call: ToolCall) -> ToolCall:
    """The call with its lone surrogates replaced.

    Raises:
        ModelError: its arguments are no JSON.
    """
    try:
        to_json(call.arguments)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(
            f"model {model.name!r} called {call.name!r} with {shown(call.arguments)}, which is not JSON: {error}"
        ) from error
    return replace(
        call, name=well_formed(call.name), id=well_formed(call.id), arguments=well_formed_json(call.arguments)
    )


def _naming_the_longest(error: CapacityError, request: ModelRequest) -> CapacityError:
    """The error, saying what takes most of the conversation."""
    declared = sum(len(to_json(tool.parameters)) + len(tool.description) for tool in request.tools)
    sizes = [_size(message) for message in request.messages]
    total = sum(sizes) + declared
    at = max(range(len(sizes)), key=sizes.__getitem__, default=-1)
    if at < 0 or declared > sizes[at]:
        what, advice, size = (
            f"the declarations of {len(request.tools)} tools",
            "give the agent fewer tools",
            declared,
        )
    else:
        what, advice = _described(request.messages, at)
        size = sizes[at]
    hint = f"{advice}; or {error.hint}" if error.hint and advice not in error.hint else error.hint or advice
    return CapacityError(
        f"{error.message}; the longest part is {what}: {size} of {total} characters", hint=hint
    )


def _size(message: Message) -> int:
    match message:
        case ToolMessage():
            return len(message.content)
        case AssistantMessage():
            return len(message.text) + sum(len(to_json(call.arguments)) for call in message.calls)
        case _:
            return len(message.text)


def _described(messages: Sequence[Message], at: int) -> tuple[str, str]:
    """Name of a message, and advice on how to make it shorter."""
    match messages[at]:
        case ToolMessage(name=name, call_id=call_id):
            return (
                f"the result of tool {name!r} (call {call_id!r})",
                f"let {name!r} return less, such as a page at a time",
            )
        case SystemMessage():
            return "the instructions", "shorten the instructions"
        case AssistantMessage():
            return f"the model's turn in messages[{at}]", "go on with less history"
        case _ if at == len(messages) - 1:
            return "the prompt", "shorten the prompt"
        case _:
            return f"the user's text in messages[{at}]", "shorten it, or go on with less history"
