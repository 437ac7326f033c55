"""A vLLM that is not as it was tested is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.contract import TESTED, check_source, check_tensors
from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasTensors

FILES = {
    "sampling_params.py": """
class SamplingParams:
    extra_args: dict = None
    structured_outputs: object = None
    stop_token_ids: list = None
    max_tokens: int = 16
    n: int = 1
    seed: int = None
    temperature: float = 1.0
    logprobs: int = None
    def verify(self, model_config, speculative_config, structured_outputs_config, tokenizer): ...
""",
    "model_executor/models/diffusion_gemma.py": """
class DiffusionGemmaForConditionalGeneration:
    @staticmethod
    def get_model_state_cls(): ...
class DiffusionGemmaRequestStates:
    def __init__(self, max_num_reqs, canvas_length):
        self.max_denoising_steps = self.stability_threshold = 1
        self.canvas = torch.zeros(max_num_reqs, canvas_length, dtype=torch.int64, device=device)
        self.argmax_canvas = torch.zeros(max_num_reqs, canvas_length, dtype=torch.int64, device=device)
        self.is_encoder_phase = torch.zeros(max_num_reqs, dtype=torch.bool, device=device)
        self.self_conditioning_embeds = torch.zeros(
            max_num_reqs, canvas_length, hidden_size, dtype=torch.float32, device=device
        )
class DiffusionGemmaModelState:
    def custom_sampler(self, sampler): ...
    def add_request(self, req_index, new_req_data): ...
    def remove_request(self, req_id): ...
class DiffusionSampler:
    def __init__(self):
        self.diffusion_states = self.req_states = self.t_min = self.t_max = 0
        self.entropy_bound = self.confidence_threshold = self.embed_weight = self.normalizer = 0
        self.sc_vocab_start = self.sc_vocab_end = self.tp_size = 0
    def add_request(self, req_idx, sampling_params): ...
    def __call__(self, logits, input_batch, draft_logits=None): ...
""",
    "v1/worker/gpu/states.py": """
class RequestState:
    def __init__(self):
        self.draft_tokens: object = None
""",
    "v1/worker/gpu/sample/output.py": """
class SamplerOutput:
    sampled_token_ids: object
    logprobs_tensors: object
    num_sampled: object
    num_rejected: object
""",
    "v1/worker/gpu/input_batch.py": """
class InputBatch:
    num_reqs: int
    idx_mapping_np: object
    cu_num_logits_np: object
""",
    "v1/core/sched/output.py": """
class NewRequestData:
    req_id: str
    prompt_token_ids: list
    prefill_token_ids: list
    sampling_params: object
""",
    "v1/outputs.py": """
class LogprobsTensors:
    logprob_token_ids: object
    logprobs: object
    selected_token_ranks: object
    cu_num_generated_tokens: object
""",
    "exceptions.py": "class VLLMValidationError(ValueError): ...",
    "distributed/parallel_state.py": "def get_tp_group(): ...",
}


def package(folder: Path, replaced: str = "", by: str = "") -> Path:
    """The part of vLLM that is relied on, with one text in it replaced by another."""
    for name, text in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text.replace(replaced, by) if replaced else text)
    return folder


@pytest.mark.parametrize("version", [*TESTED, "0.32.1", "0.33.0rc1+cpu"])
def test_a_vllm_as_it_was_tested_is_taken(tmp_path: Path, version: str) -> None:
    check_source(package(tmp_path), version)


@pytest.mark.parametrize("version", ["0.30.2", "0.34.0", "1.0", "dev", "0.dev"])
def test_another_version_is_refused_with_those_that_were_tested(tmp_path: Path, version: str) -> None:
    with pytest.raises(ConfigError, match=r"another version .*0\.31\.0, 0\.32\.0, 0\.33\.0") as refused:
        check_source(package(tmp_path), version)
    assert f"vLLM {version}:" in str(refused.value)


@pytest.mark.parametrize(
    ("replaced", "by", "said"),
    [
        ("logits, input_batch, draft_logits=None", "logits, batch", r"DiffusionSampler.__call__ .* takes \(self logits batch\)"),
        ("def remove_request", "def drop_request", "DiffusionGemmaModelState.remove_request is not in"),
        ("class DiffusionSampler:", "class Sampler:", "DiffusionSampler.add_request is not in|DiffusionSampler.__call__ is not in"),
        ("dtype=torch.bool", "dtype=torch.int8", r"is_encoder_phase is made as max_num_reqs, dtype=torch.int8"),
        ("self.argmax_canvas =", "self.best_canvas =", "argmax_canvas is made as None"),
        ("self.canvas = torch.zeros(", "self.canvas = torch.empty(", r"canvas is made as torch.empty\("),
        ("self.draft_tokens: object", "self.drafts: object", "RequestState .* has no attribute draft_tokens"),
        ("    num_rejected: object\n", "", "SamplerOutput .* has no field num_rejected"),
        ("def get_tp_group", "def tp_group", "get_tp_group is not in distributed.parallel_state"),
        ("tokenizer): ...", "tokenizer, lora): ...", "SamplingParams.verify"),
    ],
)  # fmt: skip
def test_whatever_differs_is_named(tmp_path: Path, replaced: str, by: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        check_source(package(tmp_path, replaced, by), "0.32.0")


def test_a_file_that_is_gone_is_a_difference(tmp_path: Path) -> None:
    package(tmp_path)
    (tmp_path / "exceptions.py").unlink()
    with pytest.raises(ConfigError, match=r"VLLMValidationError is not in exceptions"):
        check_source(tmp_path, "0.32.0")


def tensors(**replaced: torch.Tensor) -> CanvasTensors:
    canvas = torch.zeros(3, 8, dtype=torch.int64)
    named = {
        "canvas": canvas,
        "draft_tokens": torch.zeros(3, 9, dtype=torch.int64),
        "argmax_canvas": canvas,
        "is_encoder_phase": torch.zeros(3, dtype=torch.bool),
        "self_conditioning": torch.zeros(3, 8, 5),
    }
    return CanvasTensors(**(named | replaced))


def test_the_tensors_themselves_are_checked() -> None:
    check_tensors(tensors())
    for wrong in (
        {"is_encoder_phase": torch.zeros(3, dtype=torch.int32)},
        {"argmax_canvas": torch.zeros(3, 7, dtype=torch.int64)},
        {"self_conditioning": torch.zeros(3, 8, 5, dtype=torch.bfloat16)},
        {"draft_tokens": torch.zeros(3, 7, dtype=torch.int64)},
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            check_tensors(tensors(**wrong))
