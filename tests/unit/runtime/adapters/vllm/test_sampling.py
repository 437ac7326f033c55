"""Seed and temperature of constrained requests."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.sampling import KEY, set_aside, settings_of


def params(**given: object) -> SimpleNamespace:
    return SimpleNamespace(**({"seed": None, "temperature": 1.0, "n": 1, "extra_args": None} | given))


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


def test_samples_of_one_request_have_seeds_that_follow_each_other() -> None:
    asked = params(seed=7, n=3)
    set_aside(asked)
    ids = [f"{number}_chatcmpl-1" for number in range(3)]
    assert [settings_of(asked, name, wants_log_p=False).seed for name in ids] == [7, 8, 9]
    alone = params(seed=7)
    set_aside(alone)
    assert settings_of(alone, "5_mine", wants_log_p=False).seed == 7


@pytest.mark.parametrize(
    "sent",
    [
        "{",
        "[]",
        "1",
        7,
        '{"seed": "x"}',
        '{"seed": true}',
        '{"temperature": -1}',
        '{"temperature": NaN}',
        '{"temperature": 1' + "0" * 400 + "}",
        "[" * 9999,
    ],
)
def test_what_a_client_sends_in_the_place_of_what_is_set_aside_is_refused(sent: object) -> None:
    with pytest.raises(ConfigError, match=KEY):
        set_aside(params(extra_args={KEY: sent}))
