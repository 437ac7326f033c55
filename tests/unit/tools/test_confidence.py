"""Confidence as a mapping of paths, with what else a field might have been."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from agentfast.errors import UnknownFieldError
from agentfast.tools.call import ToolCall
from agentfast.tools.confidence import Confidence

SURE = Confidence(0.5, {"name": 0.9, "arguments.city": 0.6}, {"name": (("weather", 0.9), ("news", 0.1))})


def test_it_is_a_mapping_from_paths_to_probabilities() -> None:
    assert SURE["arguments.city"] == 0.6
    assert list(SURE) == ["name", "arguments.city"]
    assert (SURE.whole, SURE.lowest) == (0.5, 0.6)
    assert Confidence(0.5, {}).lowest == 1.0
    assert repr(SURE) == "Confidence(whole=0.500, name=0.900, arguments.city=0.600)"


def test_alternatives_are_known_for_fields_of_few_values_only() -> None:
    assert SURE.alternatives("name") == (("weather", 0.9), ("news", 0.1))
    assert SURE.alternatives("arguments.city") == ()


def test_an_absent_field_is_an_error_that_lists_those_that_exist() -> None:
    with pytest.raises(UnknownFieldError) as caught:
        SURE["city"]
    assert str(caught.value) == (
        "there is no field 'city'; the fields are: name, arguments.city (did you mean arguments.city?)"
    )
    assert isinstance(caught.value, KeyError)
    with pytest.raises(UnknownFieldError, match="town"):
        SURE.alternatives("town")
    assert SURE.get("town") is None
    assert "town" not in SURE


def test_it_survives_json_copies_and_pickles() -> None:
    assert Confidence.from_json(json.loads(json.dumps(SURE.to_json()))) == SURE
    assert copy.deepcopy(SURE) == SURE
    assert pickle.loads(pickle.dumps(SURE)) == SURE
    assert Confidence(0.4, dict(SURE)) != SURE


def test_calls_are_equal_however_sure_the_model_was() -> None:
    assert ToolCall("f", {}, "1", SURE) == ToolCall("f", {}, "1")
