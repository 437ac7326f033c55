"""Models belong to their process: a copy is the model itself, and a pickle is refused with what to do."""

from __future__ import annotations

import asyncio
import copy
import pickle

import pytest

from agentfast import ConfigError, LocalModel, OpenAIModel
from agentfast.chat.json import JsonChat
from tests.support.tiny_engine import tiny_engine


def test_a_model_is_shared_in_place_of_copied_and_never_pickled() -> None:
    local = LocalModel(tiny_engine(), JsonChat())
    for model in (local, OpenAIModel("m", base_url="http://localhost:1/v1")):
        assert copy.copy(model) is copy.deepcopy(model) is model
        with pytest.raises(ConfigError, match=f"{type(model).__name__} cannot be pickled"):
            pickle.dumps(model)
    asyncio.run(local.aclose())
