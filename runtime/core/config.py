"""Configuration of generation and of the engine: frozen, validated once, unknown names are errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agentfast.errors import ConfigError
from agentfast.runtime.core.calibration import DEFAULT_CALIBRATION, Calibration


@dataclass(frozen=True, slots=True)
class GenerationDefaults:
    """Decoding parameters of a checkpoint; the defaults are DiffusionGemma's.

    Attributes:
        max_denoising_steps: N, denoising steps per canvas at most.
        t_min, t_max: temperature of the step with n steps left (n = N..1): t_min + (t_max - t_min) * n / N.
        entropy_bound: nats; positions are accepted in order of rising entropy while the sum over the smaller
            ones stays within it.
        stability_threshold: steps for which the best canvas must not change before denoising may stop.
        confidence_threshold: nats; denoising may stop once the mean entropy is below it.
        adaptive_stopping: False runs all N steps, whatever the thresholds say.
        canvas_lengths: lengths to choose from, rising. Where a request names none, the engine chooses among them for a
            row with a grammar, see decoding/canvas_length.py. Empty: every canvas has the usual length.
        usual_canvas: canvas length without a grammar; None: the checkpoint's canvas length.
        verify: speculative check of a finished canvas by the causal pass that encodes it: a confident token is accepted
            if p >= verify * p_max, any other only if it is the arg-max. At the first rejection the arg-max is
            substituted and the rest is denoised again (see decoding/acceptance.py). 1 is greedy causal decoding; 0 turns
            the check off. Only for checkpoints whose causal mode was trained to predict the next token.
        verify_entropy: nats; a token is confident if its position's entropy on the canvas is below it.
        trusted_entropy: nats; with `verify`, a canvas that is a whole turn of text is committed unchecked if its first
            denoising step settles it and every position's entropy is below this. Texts with fields are always checked.
        trusted_call_entropy: nats; the same for a canvas that ends a turn of any kind, calls included, if no earlier
            canvas of it was corrected and the request has no fields.
        max_reopenings: corrections per request by `verify`; later canvases are committed unchecked.
        temperature: of an autoregressive model; a request's temperature multiplies it.
        calibration: from the posterior's probabilities of fields to the share of right ones, as measured on the
            checkpoint; the default is the identity.
    """

    max_denoising_steps: int = 48
    t_min: float = 0.4
    t_max: float = 0.8
    entropy_bound: float = 0.1
    stability_threshold: int = 1
    confidence_threshold: float = 0.005
    adaptive_stopping: bool = True
    canvas_lengths: tuple[int, ...] = ()
    usual_canvas: int | None = None
    verify: float = 0.0
    verify_entropy: float = 0.001
    trusted_entropy: float = 0.0
    trusted_call_entropy: float = 0.0
    max_reopenings: int = 4
    temperature: float = 1.0
    calibration: Calibration = DEFAULT_CALIBRATION

    def __post_init__(self) -> None:
        _at_least("max_denoising_steps", self.max_denoising_steps, 1)
        _at_least("stability_threshold", self.stability_threshold, 0)
        _positive("t_min", self.t_min)
        _positive("entropy_bound", self.entropy_bound)
        _positive("confidence_threshold", self.confidence_threshold)
        _at_least("temperature", self.temperature, 0)
        _at_least("verify_entropy", self.verify_entropy, 0)
        _at_least("trusted_entropy", self.trusted_entropy, 0)
        _at_least("trusted_call_entropy", self.trusted_call_entropy, 0)
        _at_least("max_reopenings", self.max_reopenings, 0)
        if not 0 <= self.verify <= 1:
            raise ConfigError(f"verify is {self.verify}; it must be in 0..1")
        if (
            list(self.canvas_lengths) != sorted(set(self.canvas_lengths))
            or min(self.canvas_lengths, default=1) < 1
        ):
            raise ConfigError(f"canvas_lengths are {self.canvas_lengths}; they must rise and be at least 1")
        if self.usual_canvas is not None:
            _at_least("usual_canvas", self.usual_canvas, 1)
        if self.t_max < self.t_min:
            raise ConfigError(f"t_max is {self.t_max}, below t_min, which is {self.t_min}")

    @classmethod
    def from_hf(cls, raw: Mapping[str, Any]) -> GenerationDefaults:
        """Read a Hugging Face `generation_config.json`, with the extensions; what they leave out keeps its default.

        Raises:
            ConfigError: a value does not fit.
        """
        names = (
            "max_denoising_steps",
            "t_min",
            "t_max",
            "stability_threshold",
            "confidence_threshold",
            "temperature",
            "usual_canvas",
            "verify",
            "verify_entropy",
            "trusted_entropy",
            "trusted_call_entropy",
            "max_reopenings",
        )
        found = {name: raw[name] for name in names if raw.get(name) is not None}
        sampler: Mapping[str, Any] = raw.get("sampler_config") or {}
        if sampler.get("entropy_bound") is not None:
            found["entropy_bound"] = sampler["entropy_bound"]
        if raw.get("canvas_lengths") is not None:
            found["canvas_lengths"] = tuple(raw["canvas_lengths"])
        calibration: Mapping[str, Any] | None = raw.get("confidence_calibration")
        if calibration is not None:
            found["calibration"] = Calibration.from_json(calibration)
        return cls(**found)

    def temperature_at(self, steps_left: int) -> float:
        """Temperature of the denoising step with `steps_left` (N..1) steps to go, itself included."""
        return self.t_min + (self.t_max - self.t_min) * steps_left / self.max_denoising_steps


EXTENSIONS = "agentfast.json"
"""File of a checkpoint directory with the fields of `GenerationDefaults` that generation_config.json lacks."""


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """Capacity of the engine: rows, batch, queue, KV cache, threads.

    Attributes:
        generation: how to decode.
        canvas_length: tokens per canvas; None: the usual length, or chosen for each canvas, as `generation` says.
        max_rows: requests generated at once.
        max_batch_tokens: tokens in one forward pass.
        max_prefill_tokens: prompt tokens that one row may bring to one forward pass.
        max_queue: requests that may wait for a row.
        when_full: `submit` with a full queue: wait, or raise QueueFullError.
        cache_tokens: positions that the KV cache holds.
        block_size: positions per KV block, the unit of sharing between prompts.
        grammar_cache: folder of compiled grammars, shared by processes; None: `$AGENTFAST_CACHE`, or else the user's cache
            folder; "": none.
        prefix_cache: keep the blocks of finished prompts for later ones that begin alike.
        threads: CPU threads of the engine; None: torch's setting. See backends/cpu/shards.py.
    """

    generation: GenerationDefaults = field(default_factory=GenerationDefaults)
    canvas_length: int | None = None
    max_rows: int = 64
    max_batch_tokens: int = 4096
    max_prefill_tokens: int = 1024
    max_queue: int = 1024
    when_full: Literal["wait", "raise"] = "wait"
    cache_tokens: int = 65_536
    block_size: int = 8
    prefix_cache: bool = True
    grammar_cache: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in (
            "max_rows",
            "max_batch_tokens",
            "max_prefill_tokens",
            "max_queue",
            "cache_tokens",
            "block_size",
        ):
            _at_least(name, getattr(self, name), 1)
        for name in ("canvas_length", "threads"):
            if (value := getattr(self, name)) is not None:
                _at_least(name, value, 1)
        for name in ("cache_tokens", "max_batch_tokens", "max_prefill_tokens"):
            if getattr(self, name) < self.block_size:
                raise ConfigError(f"{name} is {getattr(self, name)}, below one block of {self.block_size}")
        if self.when_full not in ("wait", "raise"):
            raise ConfigError(f"when_full is {self.when_full!r}; it is 'wait' or 'raise'")

    @property
    def num_blocks(self) -> int:
        """Number of KV blocks in the pool."""
        return self.cache_tokens // self.block_size


def _at_least(name: str, value: float, least: float) -> None:
    if not value >= least:
        raise ConfigError(f"{name} is {value}; it must be at least {least}")


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ConfigError(f"{name} is {value}; it must be above 0")
