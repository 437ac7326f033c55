"""Seed and temperature of constrained requests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.sampling import set_aside, settings_of


def params(**given: object) -> SimpleNamespace:
    return SimpleNamespace(**({"seed": None, "temperature": 1.0, "extra_args": None} | given))


def test_what_vllm_refuses_is_moved_out_of_its_sight_and_read_back() -> None:
    asked = params(seed=7, temperature=0.25, extra_args={"diffusion_max_steps": 3})
    set_aside(asked)
    set_aside(asked)  # the same parameters may be validated again
    assert (asked.seed, asked.temperature) == (None, 1.0)
    settings = settings_of(asked, "request", wants_log_p=True)
    assert (settings.seed, settings.temperature, settings.max_steps) == (7, 0.25, 3)
    assert settings.wants_log_p


def test_parameters_that_are_used_again_with_another_seed_have_that() -> None:
    asked = params(seed=7)
    set_aside(asked)
    asked.seed = 8
    set_aside(asked)
    assert settings_of(asked, "request", wants_log_p=False).seed == 8


def test_without_a_seed_a_request_has_one_of_its_own() -> None:
    asked = params()
    set_aside(asked)
    seeds = {settings_of(asked, name, wants_log_p=False).seed for name in ("a", "b", "a")}
    assert len(seeds) == 2


@pytest.mark.parametrize(
    "own",
    [
        "oops",
        "[]",
        5,
        '{"temperature": "x"}',
        '{"temperature": -3}',
        '{"temperature": NaN}',
        '{"seed": 1.5}',
        '{"seed": true}',
        '{"steps": 1}',
    ],
)
def test_what_a_client_puts_there_itself_is_refused_before_the_worker_reads_it(own: object) -> None:
    with pytest.raises(ConfigError, match=r"^agentfast_sampling is .*the plugin's own"):
        set_aside(params(extra_args={"agentfast_sampling": own}))
