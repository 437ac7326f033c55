"""Seed and temperature of constrained requests, which vLLM refuses for diffusion models and so never sees."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, cast

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.steps.row import RowSettings

KEY: Final = "agentfast_sampling"
"""Name in `SamplingParams.extra_args` of what `set_aside` puts there."""


def set_aside(params: Any) -> None:
    """Move seed and temperature to where vLLM's validation does not look. May be called again.

    Raises:
        ConfigError: a client has put something else there itself.
    """
    extra: dict[str, Any] = dict(params.extra_args or {})
    kept = _kept(extra.get(KEY, "{}"))
    if params.seed is not None:
        kept["seed"] = params.seed
    if params.temperature != 1.0:
        kept["temperature"] = params.temperature
    params.extra_args = {**extra, KEY: json.dumps(kept)}
    params.seed, params.temperature = None, 1.0


def _kept(text: Any) -> dict[str, Any]:
    try:
        kept = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        kept = None
    if not isinstance(kept, Mapping) or not _is_sound(cast("Mapping[str, Any]", kept)):
        raise ConfigError(f"{KEY} is {text!r:.100}", hint="leave it out: it is the plugin's own")
    return dict(cast("Mapping[str, Any]", kept))


def _is_sound(kept: Mapping[str, Any]) -> bool:
    seed, temperature = kept.get("seed", 0), kept.get("temperature", 1.0)
    return (
        type(seed) is int
        and type(temperature) in (int, float)
        and isfinite(temperature)
        and temperature >= 0
        and kept.keys() <= {"seed", "temperature"}
    )


def settings_of(params: Any, request_id: str, *, wants_log_p: bool) -> RowSettings:
    """A request's settings of decoding. Without a seed its id is one, on which all ranks agree."""
    extra: dict[str, Any] = params.extra_args or {}
    kept = json.loads(extra.get(KEY, "{}"))
    steps = extra.get("diffusion_max_steps")
    return RowSettings(
        seed=kept.get("seed", zlib.crc32(request_id.encode())),
        temperature=kept.get("temperature", 1.0),
        max_steps=None if steps is None else int(steps),
        wants_log_p=wants_log_p,
    )
