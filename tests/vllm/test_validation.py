"""The hook at vLLM's validation, on vLLM's own sampling parameters.

Slow, and skipped where vLLM is not installed; `bench/vllm.sh` runs it on all versions that are supported.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentfast.runtime.adapters.vllm.requests.read import KEY, constraint_of
from agentfast.runtime.adapters.vllm.sampling import settings_of
from agentfast.runtime.adapters.vllm.validation import ARCHITECTURE, refuse_or_take_over
from bench.vllm.checkpoint import write

pytest.importorskip("vllm")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "integer"}},
    "required": ["id"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def model_config(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The part that the hook reads."""
    directory = str(write(Path(tmp_path_factory.mktemp("checkpoint"))))
    return SimpleNamespace(
        architectures=[ARCHITECTURE], model=directory, tokenizer=directory, revision=None, max_model_len=512
    )


def params(*, free: bool = False, **given: Any) -> Any:
    """vLLM's sampling parameters, by default with a schema."""
    module = importlib.import_module("vllm.sampling_params")
    asked = None if free else module.StructuredOutputsParams(json=json.dumps(SCHEMA))
    return module.SamplingParams(**({"max_tokens": 60, "structured_outputs": asked} | given))


def test_a_constraint_is_moved_out_of_vllms_sight_however_often_it_is_validated(
    model_config: SimpleNamespace,
) -> None:
    asked = params(seed=5, temperature=0.5)
    for _ in range(2):
        refuse_or_take_over(asked, model_config)
        assert (asked.structured_outputs, asked.seed, asked.temperature) == (None, None, 1.0)
        assert asked.stop_token_ids == [0]
        constraint = constraint_of(asked)
        assert constraint is not None
        assert constraint.source == {"json": SCHEMA}
        settings = settings_of(asked, "request", wants_log_p=False)
        assert (settings.seed, settings.temperature) == (5, 0.5)


def test_a_free_request_stays_as_it_is(model_config: SimpleNamespace) -> None:
    asked = params(free=True, seed=5, temperature=0.5, stop_token_ids=[40], logprobs=2)
    before = repr(asked)
    refuse_or_take_over(asked, model_config)
    assert repr(asked) == before


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "a stop token": (lambda: params(stop_token_ids=[40]), "stop_token_ids"),
    "a stop text": (lambda: params(stop=["}"]), "stop cannot"),
    "no end": (lambda: params(ignore_eos=True), "ignore_eos"),
    "log probabilities": (lambda: params(logprobs=1), "logprobs"),
    "too small a budget": (lambda: params(max_tokens=4), "takes 7 tokens but only 4"),
    "pins": (lambda: params(extra_args={"diffusion_pinned": [1]}), "diffusion_pinned"),
    "a canvas to begin with": (
        lambda: params(extra_args={"diffusion_seed_canvas": [1]}),
        "diffusion_seed_canvas",
    ),
    "what is set aside": (lambda: params(extra_args={"agentfast_sampling": "[]"}), "agentfast_sampling"),
    "no number of steps": (
        lambda: params(extra_args={"diffusion_max_steps": "abc"}),
        "diffusion_max_steps is 'abc'",
    ),
    "no JSON": (lambda: params(free=True, extra_args={KEY: "{"}), KEY),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_served_is_refused_as_vllm_refuses_it(
    case: str, model_config: SimpleNamespace
) -> None:
    make, said = REFUSED[case]
    asked = make()
    refusal = importlib.import_module("vllm.exceptions").VLLMValidationError
    with pytest.raises(refusal, match=said):
        refuse_or_take_over(asked, model_config)
