"""Settings are checked once, when they are made."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import ConfigError
from agentfast.runtime.core.config import EngineConfig, GenerationDefaults
from agentfast.runtime.scheduling.request import Request


@pytest.mark.parametrize(
    "values",
    [
        {"max_denoising_steps": 0},
        {"t_min": 0.0},
        {"t_min": 0.9},
        {"entropy_bound": 0.0},
        {"confidence_threshold": float("nan")},
        {"stability_threshold": -1},
        {"verify": 1.5},
        {"verify_entropy": -0.1},
        {"trusted_entropy": -0.1},
        {"trusted_call_entropy": -0.1},
        {"max_reopenings": -1},
        {"canvas_lengths": (16, 8)},
        {"canvas_lengths": (0, 8)},
        {"usual_canvas": 0},
    ],
)
def test_generation_settings_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        GenerationDefaults(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"max_rows": 0},
        {"cache_tokens": 3},
        {"max_batch_tokens": 7},
        {"canvas_length": 0},
        {"when_full": "drop"},
    ],
)
def test_engine_settings_out_of_range_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        EngineConfig(**values)


@pytest.mark.parametrize(
    "values",
    [{"prompt": ()}, {"max_tokens": 0}, {"temperature": -1.0}, {"temperature": float("nan")}, {"seed": -1}],
)
def test_requests_out_of_range_are_refused(values: dict[str, Any]) -> None:
    arguments: dict[str, Any] = {"prompt": (1,), "max_tokens": 1, **values}
    with pytest.raises(ConfigError):
        Request(**arguments)


def test_a_generation_config_file_is_read_and_its_gaps_keep_their_defaults() -> None:
    read = GenerationDefaults.from_hf(
        {"max_denoising_steps": 12, "t_max": 0.9, "sampler_config": {"entropy_bound": 0.2}, "top_k": 64}
    )
    assert read == GenerationDefaults(max_denoising_steps=12, t_max=0.9, entropy_bound=0.2)
