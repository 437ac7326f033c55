"""Sampling parameters that cannot be kept beside a constraint."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint

_NO_LOGPROBS: Final = "those of a canvas are told of the fields' tokens only"
_REASONS: Final[Mapping[str, str]] = {
    "prompt_logprobs": _NO_LOGPROBS,
    "logprob_token_ids": _NO_LOGPROBS,
    "ignore_eos": "the output ends where the constraint ends it",
    "thinking_token_budget": "only max_tokens bounds a thought; the answer always fits behind it",
}

_CANVAS: Final = ("diffusion_pinned", "diffusion_read_only", "diffusion_seed_canvas", "diffusion_constrained")
_COUNTS: Final = ("diffusion_max_steps", "diffusion_canvas_length")


def refuse(params: Any, constraint: Constraint, ends: Collection[int] | None) -> None:
    """Refuse a request of sampling parameters that would break its constraint, or that the constraint cannot serve.

    Args:
        ends: tokens at which an output may stop; None: they are not looked at.

    Raises:
        ConfigError: names the parameter.
    """
    for name, reason in _REASONS.items():
        value = getattr(params, name, None)
        if value is not None and value is not False and value != []:
            raise _refusal(name, reason)
    _refuse_logprobs(getattr(params, "logprobs", None), constraint)
    if not _is_text(constraint.source) and getattr(params, "stop", None):
        raise _refusal("stop", "the output could end in the middle of what the constraint asks for")
    stops = cast("Collection[int]", getattr(params, "stop_token_ids", None) or ())
    if ends is not None and (others := sorted(set(stops) - set(ends))):
        raise _refusal("stop_token_ids", f"the output would end at token {others[0]}, before it is whole")
    extra = cast("Mapping[str, Any]", getattr(params, "extra_args", None) or {})
    for name in _CANVAS:
        if extra.get(name):
            raise _refusal(name, "the canvas is the constraint's")
    for name in _COUNTS:
        _refuse_count(name, extra.get(name))


def _refuse_count(name: str, value: Any) -> None:
    """Refuse what is no count; vLLM reads it in its worker only, where an error ends the whole server."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise ConfigError(f"{name} is {value!r}", hint="give a number from 1 on")


def _refuse_logprobs(logprobs: Any, constraint: Constraint) -> None:
    if logprobs is None:
        return
    if not constraint.confidence:
        raise ConfigError(
            f"logprobs cannot go with a constraint: {_NO_LOGPROBS}",
            hint="leave logprobs out, or ask for them with agentfast.confidence",
        )
    if logprobs not in (0, 1):
        raise ConfigError(
            f"logprobs is {logprobs}: of each token just its own is known", hint="leave top_logprobs out"
        )


def _is_text(source: Mapping[str, Any]) -> bool:
    """True if any beginning of an output is an output: there is neither a call nor a typed answer."""
    return (
        "tools" in source
        and source["answer"] is None
        and (source["tool_choice"] == "none" or not source["tools"])
    )


def _refusal(name: str, reason: str) -> ConfigError:
    return ConfigError(f"{name} cannot go with a constraint: {reason}", hint=f"leave {name} out")
