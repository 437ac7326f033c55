"""A server's refusals and failures as errors that say what to do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from agentfast.errors import ModelError, ModelUnavailableError
from agentfast.models.openai.http.retries import asked_wait
from agentfast.models.openai.json_text import as_object, parse_json

SHOWN = 300  # characters of a server's complaint

_BUSY = frozenset({408, 409, 425, 429})
_NEVER = frozenset({501, 505})  # what the server does not know today, it will not know in a second

_PASSING = ("server_error", "rate_limit_error", "overloaded_error", "rate_limit_exceeded")  # types and codes

_HINTS = {
    401: "give api_key, or set OPENAI_API_KEY",
    403: "this key may not use the model",
    404: "check the model's name and base_url, which usually ends in /v1",
    405: "check base_url, which usually ends in /v1",
    413: "the request is too large for the server: shorten the conversation",
}
_PHRASES = {
    "max_completion_tokens": 'give token_limit_field="max_completion_tokens"',
    "stream_options": 'leave the field out: extra_body={"stream_options": None}',
    "temperature": "leave Settings.temperature unset",
    "context length": "the conversation is longer than the model's context: shorten it",
    "context_length": "the conversation is longer than the model's context: shorten it",
    "context size": "the conversation is longer than the model's context: shorten it",
}
_REFUSED = "the server does not take the request as it is; extra_body changes or leaves out fields"


class BusyError(ModelUnavailableError):
    """A failure that may pass. `wait_s`: how long the server asks to wait, None if it does not say."""

    def __init__(self, message: str, *, hint: str | None = None, wait_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wait_s = wait_s


def check_status(status: int, headers: Mapping[str, str], text: str) -> None:
    """Nothing, if the status is one of success.

    Raises:
        BusyError: the server may answer another time.
        ModelError: it will not.
    """
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        target = headers.get("location", "nowhere")
        raise ModelError(f"status {status}: the server redirects to {target}", hint="give its base_url")
    said = said_by(text)
    message = f"status {status}: {said}" if said else f"status {status}"
    if status == 429 and "insufficient_quota" in text:
        raise ModelError(message, hint="the account's quota is used up")
    if status in _BUSY or (status >= 500 and status not in _NEVER):
        if headers.get("x-should-retry", "").lower() == "false":
            raise ModelUnavailableError(message, hint="the server says that another try will not help now")
        raise BusyError(message, wait_s=asked_wait(headers))
    raise ModelError(message, hint=_HINTS.get(status) or _hint(text) or _REFUSED)


def check_error(value: Any) -> None:
    """Nothing, unless the JSON value is an error, which some servers send with a status of success.

    Raises:
        BusyError, ModelError: as for a status; the error's own code is taken for it.
    """
    if not isinstance(value, dict):
        return
    raw = cast("dict[str, Any]", value)
    error = raw.get("error") or (raw if "error" in (raw.get("object"), raw.get("type")) else None)
    if error is None and "choices" not in raw:
        error = raw.get("detail")
    if not error or raw.get("choices"):
        return
    fields = as_object(error)
    code, kind = str(fields.get("code")), fields.get("type")
    if re.fullmatch("[45][0-9][0-9]", code):
        check_status(int(code), {}, json.dumps(raw))
    message = f"the server answers with an error: {_words(raw)}"
    if kind in _PASSING or code in _PASSING:
        raise BusyError(message)
    raise ModelError(message, hint=_hint(json.dumps(raw)))


def said_by(text: str) -> str:
    """The message of a server's complaint, in one line; of a web page, its title."""
    try:
        return _words(parse_json(text))
    except ValueError:
        return not_json(text) if _is_page(text) else _one_line(text)


def not_json(text: str) -> str:
    """A description of text that came in place of JSON."""
    if not text.strip():
        return "nothing"
    if not _is_page(text):
        return repr(_one_line(text))
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    return f"a web page titled {_one_line(title[1])!r}" if title else "a web page"


def _is_page(text: str) -> bool:
    return re.match(r"\s*<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE) is not None


def _words(value: Any) -> str:
    """The innermost message of an error as servers nest them."""
    while isinstance(value, dict):
        raw = cast("dict[str, Any]", value)
        known = [raw[name] for name in ("error", "message", "detail") if raw.get(name)]
        if not known:
            break
        value = known[0]
    return _one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:SHOWN]


def _hint(text: str) -> str | None:
    return next((hint for phrase, hint in _PHRASES.items() if phrase in text), None)
