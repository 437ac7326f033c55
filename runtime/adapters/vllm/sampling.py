"""Seed and temperature of constrained requests, which vLLM refuses for diffusion models and so never sees."""

from __future__ import annotations

import json
import math
import zlib
from typing import Any, Final

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.steps.row import RowSettings

KEY: Final = "agentfast_sampling"
"""Name in `SamplingParams.extra_args` of what `set_aside` puts there."""


def set_aside(params: Any) -> None:
    """Move seed and temperature to where vLLM's validation does not look. May be called again.

    Raises:
        ConfigError: what was put there is not as this writes it.
    """
    extra: dict[str, Any] = dict(params.extra_args or {})
    kept = _kept(extra)
    if params.seed is not None:
        kept["seed"] = params.seed
    if params.temperature != 1.0:
        kept["temperature"] = params.temperature
    if params.n > 1:
        kept["samples"] = params.n
    params.extra_args = {**extra, KEY: json.dumps(kept)}
    params.seed, params.temperature = None, 1.0


def settings_of(params: Any, request_id: str, *, wants_log_p: bool) -> RowSettings:
    """A request's settings of decoding.

    Without a seed its id is one, on which all ranks agree. Samples of one request have seeds that follow each other, as
    vLLM's own do; their ids begin with their numbers.
    """
    extra: dict[str, Any] = params.extra_args or {}
    kept = _kept(extra)
    steps = extra.get("diffusion_max_steps")
    seed = kept.get("seed", zlib.crc32(request_id.encode()))
    number = request_id.partition("_")[0] if "seed" in kept and "samples" in kept else ""
    return RowSettings(
        seed=seed + int(number) if number.isdecimal() else seed,
        temperature=kept.get("temperature", 1.0),
        max_steps=None if steps is None else int(steps),
        wants_log_p=wants_log_p,
    )


def _kept(extra: dict[str, Any]) -> dict[str, Any]:
    """The values that were set aside before; a client can send some, too.

    Raises:
        ConfigError: it is not as `set_aside` writes it.
    """
    given = extra.get(KEY, "{}")
    try:
        kept = json.loads(given)
        seed, temperature = kept.get("seed", 0), kept.get("temperature", 1.0)
        if type(seed) is int and math.isfinite(temperature) and temperature >= 0:
            return dict(kept)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        pass
    raise ConfigError(
        f"{KEY} is {given!r}: that is agentfast's own",
        hint="leave it out: give seed and temperature themselves",
    )
