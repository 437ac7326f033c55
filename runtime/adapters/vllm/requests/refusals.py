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
    if not _may_be_text(constraint.source) and getattr(params, "stop", None):
        raise _refusal("stop", "the output would end in the middle of what the constraint asks for")
    stops = cast("Collection[int]", getattr(params, "stop_token_ids", None) or ())
    if ends is not None and (others := sorted(set(stops) - set(ends))):
        raise _refusal("stop_token_ids", f"the output would end at token {others[0]}, before it is whole")
    extra = cast("Mapping[str, Any]", getattr(params, "extra_args", None) or {})
    for name in ("diffusion_pinned", "diffusion_read_only", "diffusion_seed_canvas"):
        if extra.get(name):
            raise _refusal(name, "the canvas is the constraint's")


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


def _may_be_text(source: Mapping[str, Any]) -> bool:
    return source.get("tool_choice") in ("auto", "none") and source["answer"] is None


def _refusal(name: str, reason: str) -> ConfigError:
    return ConfigError(f"{name} cannot go with a constraint: {reason}", hint=f"leave {name} out")
