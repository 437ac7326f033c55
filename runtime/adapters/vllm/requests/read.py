"""Reading of the constraint that a request asks for out of vLLM's sampling parameters, which are read by name: vLLM is not imported.

vLLM's server puts `response_format` and `structured_outputs` into `SamplingParams.structured_outputs`, and the values of
`vllm_xargs` into `SamplingParams.extra_args`. There, `agentfast` is a JSON object, or its text: one of `json`, `regex`,
`choice`, `json_object` and `structural_tag`; `tools`, `tool_choice` and `max_calls`; `thinking` and `confidence`. The
tools of a chat request come this way, too, see parsers.py.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from agentfast.runtime.adapters.vllm.requests.refusals import refuse
from agentfast.runtime.adapters.vllm.requests.tools import tools_source

__all__ = ["KEY", "Constraint", "constraint_of"]

KEY: Final = "agentfast"
"""Name of the object in `extra_args`, and in a request's `vllm_xargs`."""
_SOURCES: Final = ("json", "regex", "choice", "json_object", "structural_tag")
_WHITESPACE: Final = ("compact", "spaced", "flexible")
_TOOLS: Final = ("tools", "tool_choice", "max_calls")
_FLAGS: Final = ("thinking", "confidence", "open_thought")
_ANY_OBJECT: Final = {"type": "object", "additionalProperties": True}


def constraint_of(sampling_params: Any, ends: Collection[int] | None = None) -> Constraint | None:
    """The constraint that a request asks for; None for one without.

    Args:
        ends: tokens that end an output. A request that would stop at others is refused; None: that is not looked at.

    Raises:
        ConfigError: it cannot be served; the text is the reason to give to the client.
    """
    extra = cast("Mapping[str, Any]", getattr(sampling_params, "extra_args", None) or {})
    said = _said(extra.get(KEY))
    source = _source(said, getattr(sampling_params, "structured_outputs", None))
    flags = {name: said[name] for name in _FLAGS if said.get(name) is not None}
    for name, value in flags.items():
        if value not in (True, False):
            raise ConfigError(f"{KEY}.{name} is {value!r}", hint="give true or false")
    if source is None:
        if flags.get("confidence"):
            raise ConfigError(
                f"{KEY}.confidence needs a schema or tools: it is the probability of their fields",
                hint="add response_format or tools, or leave confidence out",
            )
        return None
    constraint = Constraint(source, **{name: bool(value) for name, value in flags.items()})
    refuse(sampling_params, constraint, ends)
    return constraint


def _said(given: Any) -> dict[str, Any]:
    """The object under `agentfast`.

    Raises:
        ConfigError: it is no JSON object, or has a member of an unknown name.
    """
    if given is None:
        return {}
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{KEY} is no JSON: {error}", hint="give a JSON object as text") from error
    if not isinstance(given, Mapping):
        raise ConfigError(f"{KEY} is {given!r}", hint="give a JSON object, or its text")
    said = dict(cast("Mapping[str, Any]", given))
    known = (*_SOURCES, "whitespace", *_TOOLS, *_FLAGS)
    if unknown := sorted(said.keys() - set(known)):
        raise ConfigError(f"{KEY} has no member {unknown[0]!r}", hint=f"there are {', '.join(known)}")
    if said.get("whitespace") not in (None, *_WHITESPACE):
        raise ConfigError(
            f"{KEY}.whitespace is {said['whitespace']!r}", hint=f"give one of {', '.join(_WHITESPACE)}"
        )
    return said


def _source(said: Mapping[str, Any], structured_outputs: Any) -> dict[str, Any] | None:
    here = {name: said[name] for name in _SOURCES if said.get(name) is not None}
    there = _of_structured_outputs(structured_outputs)
    if len(here) + len(there) > 1:
        names = ", ".join((*here, *there))
        raise ConfigError(f"a request has one constraint, not several: {names}", hint="leave all but one out")
    answer = next((_answer(name, value) for name, value in (here | there).items()), None)
    whitespace = said.get("whitespace") or _whitespace(structured_outputs)
    if answer is not None and whitespace is not None:
        answer["whitespace"] = whitespace
    return tools_source(said, answer) if any(said.get(name) is not None for name in _TOOLS) else answer


def _of_structured_outputs(given: Any) -> dict[str, Any]:
    """The constraint in a `StructuredOutputsParams`.

    Raises:
        ConfigError: it is of a kind that is not served.
    """
    if given is None:
        return {}
    for name, instead in (("grammar", "json, regex or choice"), ("whitespace_pattern", "no pattern for it")):
        if getattr(given, name, None) is not None:
            raise ConfigError(f"structured_outputs.{name} is not served", hint=f"give {instead}")
    return {name: value for name in _SOURCES if (value := getattr(given, name, None)) is not None}


def _whitespace(structured_outputs: Any) -> str | None:
    return "compact" if getattr(structured_outputs, "disable_any_whitespace", False) else None


def _answer(name: str, value: Any) -> dict[str, Any]:
    """A constraint in its canonical form."""
    match name:
        case "json":
            return {"json": _parsed(value, "json")}
        case "json_object":
            if value is not True:
                raise ConfigError(f"json_object is {value!r}", hint="give true, or leave it out")
            return {"json": _ANY_OBJECT}
        case "regex":
            if not isinstance(value, str):
                raise ConfigError(f"regex is {value!r}", hint="give the pattern as a string")
            return {"regex": value}
        case "choice":
            texts = cast("list[object]", list(value)) if isinstance(value, (list, tuple)) else []
            if not texts or not all(isinstance(text, str) for text in texts):
                raise ConfigError(f"choice is {value!r}", hint="give a list of one or more strings")
            return {"choice": texts}
        case _:
            return {"structural_tag": _parsed(value, "structural_tag")}


def _parsed(value: Any, name: str) -> Any:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ConfigError(f"{name} is no JSON: {error}", hint="give a JSON object") from error
    if not isinstance(value, (Mapping, bool)):
        raise ConfigError(f"{name} is {value!r}", hint="give a JSON object")
    return value
