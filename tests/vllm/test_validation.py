"""vLLM's validation with the hook, on vLLM's own sampling parameters.

Slow, and skipped where vLLM is not installed: `python -m pytest -m slow tests/vllm/test_validation.py`.
"""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from bench.vllm.checkpoint import write
from tests.property.vllm.drawn_texts import gemma_tokenizer

pytest.importorskip("vllm")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.fixture(scope="module")
def model_config(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """What is read of vLLM's own, of a tiny checkpoint."""
    directory = write(tmp_path_factory.mktemp("tiny") / "checkpoint")
    return SimpleNamespace(model=str(directory), tokenizer=None, revision=None, max_model_len=256)


def params(**given: Any) -> Any:
    module = importlib.import_module("vllm.sampling_params")
    asks = module.StructuredOutputsParams(json=SCHEMA)
    return module.SamplingParams(**({"max_tokens": 64, "structured_outputs": asks} | given))


def take_over(asked: Any, model_config: Any) -> None:
    importlib.import_module("agentfast.runtime.adapters.vllm.validation").refuse_or_take_over(
        asked, model_config
    )


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"stop_token_ids": [300]}, "stop_token_ids cannot go with a constraint"),
    ({"extra_args": {"agentfast_sampling": "[]"}}, "agentfast_sampling is"),
    ({"extra_args": {"diffusion_max_steps": "abc"}}, "diffusion_max_steps is 'abc'"),
    ({"max_tokens": 2}, "but only 2 are allowed"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_would_break_a_constraint_is_refused_before_it_reaches_the_engine(
    model_config: SimpleNamespace, given: dict[str, Any], message: str
) -> None:
    error = importlib.import_module("vllm.exceptions").VLLMValidationError
    with pytest.raises(error, match=message):
        take_over(params(**given), model_config)


def test_parameters_that_were_taken_over_can_be_validated_again(model_config: SimpleNamespace) -> None:
    asked = params(seed=3, temperature=0.5, stop_token_ids=sorted(gemma_tokenizer().vocabulary.eos_ids))
    take_over(asked, model_config)
    once = (asked.extra_args, asked.stop_token_ids, asked.seed, asked.temperature)
    take_over(asked, model_config)
    assert (asked.extra_args, asked.stop_token_ids, asked.seed, asked.temperature) == once
    assert (asked.structured_outputs, asked.seed, asked.temperature) == (None, None, 1.0)
