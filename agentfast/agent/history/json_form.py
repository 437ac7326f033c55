"""Messages as JSON: version 1 of the form, written, read and described by one set of types.

The form is `{"version": 1, "messages": [{"role": "user", "text": "..."}, ...]}`. It does not change: a message with a
field more would be a new version, and this one would still be read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, ValidationError

from agentfast.agent.history.read import read_conversation
from agentfast.errors import ConfigError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.tools.checks import closest, refuse, shown
from agentfast.tools.confidence import Confidence
from agentfast.tools.unicode import is_text

VERSION: Final = 1
_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def _check_characters(text: str) -> str:
    if not is_text(text):
        raise ValueError("it holds a lone surrogate, which is no character")
    return text


Alternative = Annotated[tuple[Any, float], Strict(strict=False)]
"""A value and its probability."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Sureness(_Part):
    whole: float
    fields_: dict[str, float] = Field(alias="fields")
    alternatives: dict[str, list[Alternative]] = {}

    def value(self) -> Confidence:
        ranked = {path: tuple(pairs) for path, pairs in self.alternatives.items()}
        return Confidence(self.whole, self.fields_, ranked)


class _Call(_Part):
    name: str
    arguments: dict[str, Any]
    id: str = ""
    confidence: _Sureness | None = None
    malformed: Annotated[str, AfterValidator(_check_characters)] | None = None

    def value(self) -> ToolCall:
        return ToolCall(self.name, self.arguments, self.id, _value(self.confidence), self.malformed)


class _System(_Part):
    role: Literal["system"]
    text: str

    def value(self) -> Message:
        return SystemMessage(self.text)


class _User(_Part):
    role: Literal["user"]
    text: str

    def value(self) -> Message:
        return UserMessage(self.text)


class _Assistant(_Part):
    role: Literal["assistant"]
    text: str = ""
    calls: list[_Call] = []
    confidence: _Sureness | None = None

    def value(self) -> Message:
        calls = tuple(call.value() for call in self.calls)
        return AssistantMessage(self.text, calls, _value(self.confidence))


class _Tool(_Part):
    role: Literal["tool"]
    content: str
    name: str
    call_id: str = ""
    is_error: bool = False

    def value(self) -> Message:
        return ToolMessage(self.content, self.name, self.call_id, self.is_error)


class _Document(_Part):
    version: Literal[1]
    messages: list[Annotated[_System | _User | _Assistant | _Tool, Field(discriminator="role")]]


def _value(confidence: _Sureness | None) -> Confidence | None:
    return None if confidence is None else confidence.value()


def messages_to_json(messages: Sequence[Message | Mapping[str, object]]) -> str:
    """The conversation as JSON text, which `messages_from_json` reads, with all fields of its messages.

    The form is versioned and stable. `messages_schema` describes it.

    Args:
        messages: a conversation, such as the `messages` of a result or of an error that ended a run.

    Raises:
        ConfigError: they are no conversation, or hold something that JSON cannot, such as NaN; it names the message.
    """
    given = read_conversation(messages, "messages")
    encoded = [encode_message(message) for message in given]
    _validate({"version": VERSION, "messages": encoded})
    written = ",".join(_dumps(message, index) for index, message in enumerate(encoded))
    return f'{{"version":{VERSION},"messages":[{written}]}}'


def messages_from_json(text: str | bytes) -> list[Message]:
    """The conversation that `messages_to_json` wrote.

    Raises:
        ConfigError: the text is no JSON, of an unknown version, has an unknown role or field, or is no conversation; it
            names the message by its place.
    """
    if not isinstance(cast("object", text), (str, bytes, bytearray)):
        refuse("text", text, "the JSON text of messages")
    try:
        raw: object = json.loads(text, parse_constant=_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"text is no JSON: {error}") from error
    messages = [message.value() for message in _validate(raw).messages]
    read_conversation(messages, "messages")
    return messages


def messages_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of what `messages_to_json` writes."""
    return _Document.model_json_schema()


def decode_message(raw: object) -> Message:
    """One message, of the form that it has in a conversation; it need not stand in one.

    Raises:
        ConfigError: it is of another form.
    """
    return _validate({"version": VERSION, "messages": [raw]}).messages[0].value()


def encode_message(message: Message) -> dict[str, Any]:
    """One message, in the form that it has in a conversation."""
    match message:
        case SystemMessage():
            return {"role": "system", "text": message.text}
        case UserMessage():
            return {"role": "user", "text": message.text}
        case AssistantMessage():
            calls = [_encode_call(call) for call in message.calls]
            return {"role": "assistant", "text": message.text, "calls": calls, **_encode_sure(message)}
        case ToolMessage():
            result = {"content": message.content, "name": message.name, "call_id": message.call_id}
            return {"role": "tool", **result, "is_error": message.is_error}


def _encode_call(call: ToolCall) -> dict[str, Any]:
    raw = {"name": call.name, "arguments": call.arguments, "id": call.id, **_encode_sure(call)}
    return raw if call.malformed is None else raw | {"malformed": call.malformed}


def _encode_sure(part: AssistantMessage | ToolCall) -> dict[str, Any]:
    sure = cast("object", part.confidence)
    return {} if sure is None else {"confidence": sure.to_json() if isinstance(sure, Confidence) else sure}


def _dumps(message: object, index: int) -> str:
    try:
        return _to_json(message)
    except ValueError as error:
        raise ConfigError(f"messages[{index}] is no JSON: {error}", hint="None may stand for NaN") from error


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ValueError(f"{written} is no JSON number, or larger than a float")
    return number


def _validate(value: object) -> _Document:
    raw = value  # as it was, before its type is narrowed
    fields = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    if "version" not in fields:
        refuse("text", raw, 'an object {"version": 1, "messages": [...]}')
    version = fields["version"]
    if type(version) is not int or version != VERSION:
        later = type(version) is int and version > VERSION
        raise ConfigError(
            f"the messages are of version {shown(version)}; this release reads version {VERSION}",
            hint="a later release of agentfast wrote them: read them with that one" if later else None,
        )
    try:
        return _Document.model_validate(raw)
    except ValidationError as error:
        raise _complaint(error) from error


_ROLES = ("system", "user", "assistant", "tool")


def _complaint(error: ValidationError) -> ConfigError:
    """The first thing that is wrong, by its place, such as messages[3].calls[0].name."""
    first = error.errors(include_url=False)[0]
    place, given = list(first["loc"]), cast("object", first["input"])
    if place[:1] == ["messages"] and len(place) > 2:
        del place[2]  # the role, which pydantic puts there for the choice that it made
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).removeprefix(".")
    match first["type"]:
        case "extra_forbidden":
            return ConfigError(f"{where} is a field that version {VERSION} of messages does not have")
        case "missing":
            return ConfigError(f"{where} is missing")
        case "union_tag_invalid" | "union_tag_not_found":
            role = cast("dict[str, object]", given).get("role")
            hint = closest(role, _ROLES) if isinstance(role, str) else None
            takes = ", ".join(map(repr, _ROLES))
            return ConfigError(f"{where}.role is {shown(role)}; it takes one of {takes}", hint=hint)
        case _:
            return ConfigError(f"{where} is {shown(given)}: {first['msg']}")
