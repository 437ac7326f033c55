"""Limits and settings are checked when they are made."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agentfast import ConfigError, Limits, Settings


@pytest.mark.parametrize(
    "change",
    [
        {"max_steps": 0},
        {"max_tool_calls": 0},
        {"max_identical_calls": 1},
        {"max_tokens": -1},
        {"deadline_s": 0},
        {"deadline_s": float("nan")},
        {"output_retries": -1},
        {"max_steps": 5.5},
        {"max_tool_calls": "5"},
        {"max_tokens": True},
        {"deadline_s": "soon"},
        {"output_retries": None},
    ],
)
def test_a_limit_that_allows_nothing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        Limits(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": -0.1},
        {"temperature": float("inf")},
        {"temperature": float("nan")},
        {"max_tokens": 0},
        {"max_calls": 0},
        {"tool_concurrency": 0},
        {"tool_timeout_s": 0},
        {"temperature": "hot"},
        {"max_tokens": 5.0},
        {"max_calls": True},
        {"confidence": "yes"},
        {"priority": 1.5},
        {"tool_timeout_s": math.nan},
        {"tool_concurrency": "x"},
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        Settings(**change)
